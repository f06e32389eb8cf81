// SPDX-License-Identifier: MIT
/* dcmtk_shim.cc: data sets over a caller's read function (dcmtk_stream.h). */
#include "dcmtk/dcmtk_shim.h"

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/oflog/oflog.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "dcmtk/dcmtk_impl.h"
#include "dcmtk/dcmtk_stream.h"

using dcmtk::guarded;
using dcmtk::Stream;
using dcmtk::Trouble;

namespace
{

/* Values longer than this stay in the source until they are asked for. */
constexpr Uint32 keep_in_memory = 4096;

/* The one place where a condition becomes an error. */
int condition_error(const OFCondition &condition, struct error *err)
{
    if (condition == EC_MemoryExhausted)
        return error_no_memory(err);
    return error_set(err, ERROR_CORRUPT, "%s", condition.text());
}

E_TransferSyntax encoding_syntax(enum dcmtk_encoding encoding)
{
    switch (encoding) {
    case DCMTK_IMPLICIT_LE:
        return EXS_LittleEndianImplicit;
    case DCMTK_EXPLICIT_LE:
        return EXS_LittleEndianExplicit;
    case DCMTK_EXPLICIT_BE:
        return EXS_BigEndianExplicit;
    case DCMTK_IMPLICIT_BE:
        return EXS_BigEndianImplicit;
    }
    return EXS_LittleEndianImplicit;
}

DcmTagKey tag_key(uint32_t tag)
{
    return DcmTagKey(static_cast<Uint16>(tag >> 16),
                     static_cast<Uint16>(tag & 0xffff));
}

/* DCMTK's getters are not const; none used here changes what is seen. */
DcmItem *item_of(const struct dcmtk_item *item)
{
    return reinterpret_cast<DcmItem *>(const_cast<dcmtk_item *>(item));
}

const struct dcmtk_item *handle_of(DcmItem *item)
{
    return reinterpret_cast<const dcmtk_item *>(item);
}

/*
 * DCMTK has read the header of the element that it stopped at; its start is
 * where the last tag began, if the tag there is a stop tag and not a
 * delimiter at the end of the input.
 */
uint64_t find_stop(const dcmtk_input &input, uint64_t last_mark,
                   Trouble &trouble)
{
    bool big = input.encoding == DCMTK_EXPLICIT_BE ||
               input.encoding == DCMTK_IMPLICIT_BE;
    uint8_t b[4];
    uint32_t tag;

    if (last_mark < input.start || input.end - last_mark < sizeof b)
        return input.end;
    if (input.read(input.opaque, last_mark, b, sizeof b, &trouble.err) != 0) {
        trouble.any = true;
        return input.end;
    }
    if (big)
        tag = uint32_t(b[0]) << 24 | uint32_t(b[1]) << 16 |
              uint32_t(b[2]) << 8 | b[3];
    else
        tag = uint32_t(b[1]) << 24 | uint32_t(b[0]) << 16 |
              uint32_t(b[3]) << 8 | b[2];
    return tag >= input.stop_tag && tag >> 16 != 0xFFFE ? last_mark : input.end;
}

/* The data set, with its elements by tag: DCMTK's own search is a walk over
 * a list, and some eighty attributes are asked for. */
class Root : public DcmDataset
{
  public:
    void make_index()
    {
        for (DcmObject *o = nextInContainer(nullptr); o;
             o = nextInContainer(o)) {
            DcmTagKey key = o->getTag();
            index_.emplace_back(uint32_t(key.getGroup()) << 16 |
                                    key.getElement(),
                                static_cast<DcmElement *>(o));
        }
        std::sort(
            index_.begin(), index_.end(),
            [](const Entry &a, const Entry &b) { return a.first < b.first; });
    }

    DcmElement *find(uint32_t tag) const
    {
        auto at = std::lower_bound(
            index_.begin(), index_.end(), tag,
            [](const Entry &a, uint32_t wanted) { return a.first < wanted; });

        return at != index_.end() && at->first == tag ? at->second : nullptr;
    }

  private:
    using Entry = std::pair<uint32_t, DcmElement *>;
    std::vector<Entry> index_;
};

/* The length as read. Asked through the class of the element, text would
 * first be loaded, with as much memory as its length claims. */
Uint32 stated_length(DcmElement &element)
{
    return element.isLeaf() ? element.DcmElement::getLength() : 0;
}

DcmElement *find_element(const struct dcmtk_item *item, uint32_t tag)
{
    DcmElement *element = nullptr;

    if (item_of(item)->ident() == EVR_dataset)
        return static_cast<Root *>(item_of(item))->find(tag);
    if (item_of(item)->findAndGetElement(tag_key(tag), element).bad())
        return nullptr;
    return element;
}

} // namespace

struct dcmtk_dataset {
    explicit dcmtk_dataset(const dcmtk_input &from) : input(from)
    {
    }

    dcmtk_input input; /* streams of large values refer to these two */
    Trouble trouble;
    Root data;
};

void dcmtk_global_init(void)
{
    static std::once_flag once;

    (void)guarded(nullptr, 0, [] {
        std::call_once(once, [] {
            OFLog::configure(OFLogger::OFF_LOG_LEVEL);
            /* What the wild contains; see dcobject.h for each. */
            dcmEnableUnknownVRConversion.set(OFTrue);
            dcmAcceptUnexpectedImplicitEncoding.set(OFTrue);
            dcmReadImplPrivAttribMaxLengthAsSQ.set(OFTrue);
            dcmReplaceWrongDelimitationItem.set(OFTrue);
            dcmConvertUndefinedLengthOBOWtoSQ.set(OFTrue);
            dcmConvertVOILUTSequenceOWtoSQ.set(OFTrue);
            dcmIgnoreParsingErrors.set(OFTrue);
            /* It would make two UIDs one by taking blanks out of them. */
            dcmEnableAutomaticInputDataCorrection.set(OFFalse);
        });
        return 0;
    });
}

bool dcmtk_has_dictionary(void)
{
    return dcmDataDict.isDictionaryLoaded();
}

struct dcmtk_dataset *dcmtk_parse(const struct dcmtk_input *input,
                                  enum dcmtk_outcome *ret_outcome,
                                  char ret_text[160], uint64_t *ret_stop,
                                  struct error *err)
{
    struct dcmtk_dataset *none = nullptr;

    return guarded(
        err, none, [&]() -> struct dcmtk_dataset * {
            auto dataset = std::make_unique<dcmtk_dataset>(*input);
            auto stream = std::make_unique<Stream>(dataset->input, input->start,
                                                   dataset->trouble);

            dataset->data.transferInit();
            OFCondition status = dataset->data.readUntilTag(
                *stream, encoding_syntax(input->encoding), EGL_noChange,
                keep_in_memory, tag_key(input->stop_tag));
            dataset->data.transferEnd();
            dataset->data.make_index();
            if (!dataset->trouble.any)
                *ret_stop = find_stop(dataset->input, stream->last_mark(),
                                      dataset->trouble);
            if (dataset->trouble.any) {
                if (err)
                    *err = dataset->trouble.err;
                return nullptr;
            }
            if (status == EC_MemoryExhausted) {
                (void)condition_error(status, err);
                return nullptr;
            }
            *ret_outcome = DCMTK_COMPLETE;
            ret_text[0] = '\0';
            if (status.bad() && status != EC_EndOfStream) {
                *ret_outcome = stream->eos() || status == EC_StreamNotifyClient
                                   ? DCMTK_TRUNCATED
                                   : DCMTK_MALFORMED;
                (void)snprintf(ret_text, 160, "%s", status.text());
            }
            return dataset.release();
        });
}

int dcmtk_check(const struct dcmtk_dataset *dataset, struct error *err)
{
    if (!dataset->trouble.any)
        return 0;
    if (err)
        *err = dataset->trouble.err;
    return -1;
}

void dcmtk_dataset_free(struct dcmtk_dataset *dataset)
{
    (void)guarded(nullptr, 0, [&] {
        delete dataset;
        return 0;
    });
}

const struct dcmtk_item *dcmtk_root(const struct dcmtk_dataset *dataset)
{
    return handle_of(&const_cast<dcmtk_dataset *>(dataset)->data);
}

bool dcmtk_is_empty(const struct dcmtk_item *item)
{
    return item_of(item)->isEmpty();
}

const struct dcmtk_item *dcmtk_sequence(const struct dcmtk_item *item,
                                        uint32_t tag, uint32_t index)
{
    const struct dcmtk_item *none = nullptr;

    return guarded(
        nullptr, none, [&]() -> const struct dcmtk_item * {
            DcmElement *element = find_element(item, tag);

            if (!element || element->ident() != EVR_SQ)
                return nullptr;
            auto *sequence = static_cast<DcmSequenceOfItems *>(element);
            if (index >= sequence->card())
                return nullptr;
            return handle_of(sequence->getItem(index));
        });
}

int dcmtk_find(const struct dcmtk_item *item, uint32_t tag,
               struct dcmtk_element *ret)
{
    return guarded(nullptr, 0, [&] {
        DcmElement *element = find_element(item, tag);

        if (!element)
            return 0;
        const char *vr = DcmVR(element->getVR()).getVRName();
        ret->vr[0] = vr[0];
        ret->vr[1] = vr[1];
        ret->length = stated_length(*element);
        return 1;
    });
}

int dcmtk_value(const struct dcmtk_item *item, uint32_t tag, void *data,
                uint32_t length, struct error *err)
{
    return guarded(err, -1, [&] {
        DcmElement *element = find_element(item, tag);

        if (!element || !element->isLeaf() || stated_length(*element) < length)
            return error_set(err, ERROR_CORRUPT, "element %08x has no %u bytes",
                             tag, length);
        if (length == 0)
            return 0;
        OFCondition status = element->getPartialValue(data, 0, length, nullptr,
                                                      EBO_LittleEndian);
        if (status.bad())
            return condition_error(status, err);
        return 0;
    });
}
