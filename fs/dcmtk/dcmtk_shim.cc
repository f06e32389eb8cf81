// SPDX-License-Identifier: MIT
/*
 * dcmtk_shim.cc: DcmDataset over a caller's read function.
 *
 * The parser gets a stream of our own instead of a file name: the descriptor
 * is already open (beneath the archive's root), a deflated data set lies in
 * memory, and only here can a hostile file be stopped: DCMTK recurses once per
 * nesting level, keeps every element, and sorts each into a list. So the
 * stream refuses to go on once too much stack, input, elements or time was
 * used, and the parser unwinds by itself.
 */
#include "dcmtk/dcmtk_shim.h"

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmdata/dcistrma.h"
#include "dcmtk/dcmdata/dcspchrs.h"
#include "dcmtk/oflog/oflog.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

namespace
{

/* Values longer than this stay in the source until they are asked for. */
constexpr Uint32 keep_in_memory = 4096;
constexpr size_t buffer_bytes = 16 * 1024;
/* Distance that putback must be able to bridge (DcmInputStream::mark). */
constexpr uint64_t putback_bytes = 1024;
constexpr size_t max_stack_bytes = 512 * 1024;
/* An element costs three reads or more; kept, some 250 bytes of memory. */
constexpr uint64_t max_reads = 4 * 1000 * 1000;
constexpr uint64_t reads_per_clock = 4096;

/* Runs a body that may throw; nothing unwinds into C. */
template <typename Body, typename Result>
Result guarded(struct error *err, Result failed, Body body) noexcept
{
    try {
        return body();
    } catch (const std::bad_alloc &) {
        (void)error_no_memory(err);
    } catch (const std::exception &e) {
        (void)error_set(err, ERROR_INTERNAL, "DCMTK: %s", e.what());
    } catch (...) {
        (void)error_set(err, ERROR_INTERNAL, "DCMTK: unknown exception");
    }
    return failed;
}

/* The one place where a condition becomes an error. */
int condition_error(const OFCondition &condition, struct error *err)
{
    if (condition == EC_MemoryExhausted)
        return error_no_memory(err);
    return error_set(err, ERROR_CORRUPT, "%s", condition.text());
}

uint64_t thread_seconds()
{
    struct timespec now;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return 0;
    return static_cast<uint64_t>(now.tv_sec);
}

/* Why a stream stopped by itself. */
struct Trouble {
    struct error err = ERROR_INIT;
    bool any = false;
};

/* The bytes of the input, buffered, with the guards on. */
class Producer : public DcmProducer
{
  public:
    Producer(const dcmtk_input &input, uint64_t start, Trouble &trouble)
        : input_(input), trouble_(trouble), at_(start), from_(start),
          stack_(__builtin_frame_address(0)), deadline_(0)
    {
        if (input.max_cpu_seconds)
            deadline_ = thread_seconds() + input.max_cpu_seconds;
    }

    OFBool good() const override
    {
        return status_.good();
    }

    OFCondition status() const override
    {
        return status_;
    }

    OFBool eos() override
    {
        return at_ >= input_.end;
    }

    offile_off_t avail() override
    {
        return static_cast<offile_off_t>(input_.end - at_);
    }

    offile_off_t read(void *buf, offile_off_t buflen) override
    {
        if (buflen <= 0 || !allowed(static_cast<uint64_t>(buflen)))
            return 0;
        uint64_t length = static_cast<uint64_t>(buflen);
        if (length > input_.end - at_)
            length = input_.end - at_;
        uint8_t *to = static_cast<uint8_t *>(buf);
        uint64_t done = 0;
        while (done < length) {
            uint64_t have = buffered();
            if (have == 0) {
                if (!refill())
                    break;
                continue;
            }
            uint64_t now = length - done < have ? length - done : have;
            memcpy(to + done, buffer_ + (at_ - from_), now);
            at_ += now;
            done += now;
        }
        return static_cast<offile_off_t>(done);
    }

    offile_off_t skip(offile_off_t skiplen) override
    {
        if (skiplen <= 0 || !allowed(0))
            return 0;
        uint64_t length = static_cast<uint64_t>(skiplen);
        if (length > input_.end - at_)
            length = input_.end - at_;
        at_ += length;
        return static_cast<offile_off_t>(length);
    }

    void putback(offile_off_t num) override
    {
        uint64_t back = num < 0 ? UINT64_MAX : static_cast<uint64_t>(num);

        if (back > at_ - input_.start) {
            status_ = EC_PutbackFailed;
            return;
        }
        at_ -= back;
    }

  private:
    uint64_t buffered() const
    {
        if (at_ < from_ || at_ - from_ >= filled_)
            return 0;
        return filled_ - (at_ - from_);
    }

    /* Some bytes before the position are kept, for putback. */
    bool refill()
    {
        uint64_t from = at_ - input_.start > putback_bytes ? at_ - putback_bytes
                                                           : input_.start;
        uint64_t length = input_.end - from;

        if (length > buffer_bytes)
            length = buffer_bytes;
        filled_ = 0;
        if (input_.read(input_.opaque, from, buffer_, length, &trouble_.err) !=
            0) {
            trouble_.any = true;
            status_ = EC_InvalidStream;
            return false;
        }
        from_ = from;
        filled_ = length;
        return true;
    }

    bool refuse(const char *what)
    {
        if (!trouble_.any)
            (void)error_set(&trouble_.err, ERROR_TOO_BIG, "header: %s", what);
        trouble_.any = true;
        status_ = EC_InvalidStream;
        return false;
    }

    bool allowed(uint64_t length)
    {
        if (status_.bad())
            return false;
        bytes_ += length;
        reads_++;
        if (input_.max_bytes && bytes_ > input_.max_bytes)
            return refuse("too many bytes");
        if (reads_ > max_reads)
            return refuse("too many elements");
        if (stack_used() > max_stack_bytes)
            return refuse("nested too deeply");
        if (deadline_ && reads_ % reads_per_clock == 0 &&
            thread_seconds() > deadline_)
            return refuse("takes too long to parse");
        return true;
    }

    size_t stack_used() const
    {
        const char *base = static_cast<const char *>(stack_);
        const char *here =
            static_cast<const char *>(__builtin_frame_address(0));

        return static_cast<size_t>(here < base ? base - here : here - base);
    }

    const dcmtk_input &input_;
    Trouble &trouble_;
    OFCondition status_ = EC_Normal;
    uint64_t at_;
    uint64_t from_;
    uint64_t filled_ = 0;
    uint64_t bytes_ = 0;
    uint64_t reads_ = 0;
    const void *stack_;
    uint64_t deadline_;
    uint8_t buffer_[buffer_bytes];
};

class Factory;

class Stream : public DcmInputStream
{
  public:
    Stream(const dcmtk_input &input, uint64_t start, Trouble &trouble)
        : DcmInputStream(&producer_), producer_(input, start, trouble),
          input_(input), start_(start), trouble_(trouble)
    {
    }

    DcmInputStreamFactory *newFactory() const override;

    /* What follows newFactory is the skip over the value that is left out. */
    offile_off_t skip(offile_off_t length) override
    {
        if (left_out_)
            *left_out_ = length < 0 ? 0 : static_cast<uint64_t>(length);
        left_out_.reset();
        return DcmInputStream::skip(length);
    }

    /* Called before each tag is read. */
    void mark() override
    {
        last_mark_ = offset();
        DcmInputStream::mark();
    }

    uint64_t last_mark() const
    {
        return last_mark_;
    }

    uint64_t offset() const
    {
        return start_ + static_cast<uint64_t>(tell());
    }

  private:
    Producer producer_;
    const dcmtk_input &input_;
    uint64_t start_;
    uint64_t last_mark_ = 0;
    mutable std::shared_ptr<uint64_t> left_out_;
    Trouble &trouble_;
};

/* Remembers where a large value is, and how long it claims to be. */
class Factory : public DcmInputStreamFactory
{
  public:
    Factory(const dcmtk_input &input, uint64_t start,
            std::shared_ptr<uint64_t> length, Trouble &trouble)
        : input_(input), start_(start), length_(std::move(length)),
          trouble_(trouble)
    {
    }

    /* DCMTK takes a null pointer for a stream that cannot be read. It loads
     * some values unasked (those of private creators), with memory for all that
     * they claim to be, before the first byte is read. */
    DcmInputStream *create() const override
    {
        if (*length_ > input_.end - start_ ||
            (input_.max_bytes && *length_ > input_.max_bytes))
            return nullptr;
        auto *stream = new (std::nothrow) Stream(input_, start_, trouble_);

        if (!stream && !trouble_.any) {
            trouble_.any = true;
            (void)error_no_memory(&trouble_.err);
        }
        return stream;
    }

    DcmInputStreamFactory *clone() const override
    {
        return new Factory(input_, start_, length_, trouble_);
    }

    DcmInputStreamFactoryType ident() const override
    {
        return DFT_DcmInputFileStreamFactory;
    }

  private:
    const dcmtk_input &input_;
    uint64_t start_;
    std::shared_ptr<uint64_t> length_;
    Trouble &trouble_;
};

DcmInputStreamFactory *Stream::newFactory() const
{
    left_out_ = std::make_shared<uint64_t>(0);
    return new Factory(input_, offset(), left_out_, trouble_);
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

/* A converter that is ready, and stays so: see dcmtk_prepare. */
struct Converter {
    std::string charset;
    DcmSpecificCharacterSet set;
};
std::vector<std::unique_ptr<Converter>> converters;

DcmSpecificCharacterSet *find_converter(const char *charset)
{
    for (auto &c : converters)
        if (c->charset == charset)
            return &c->set;
    return nullptr;
}

void keep_converter(const char *charset)
{
    auto c = std::make_unique<Converter>();

    c->charset = charset;
    if (c->set.selectCharacterSet(OFString(charset)).good())
        converters.push_back(std::move(c));
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

void dcmtk_prepare(void)
{
    /* The defined terms of PS3.3 C.12.1.1.2, and how those with code
     * extensions are used. */
    static const char *const charsets[] = {
        "ISO_IR 100",
        "ISO_IR 101",
        "ISO_IR 109",
        "ISO_IR 110",
        "ISO_IR 144",
        "ISO_IR 127",
        "ISO_IR 126",
        "ISO_IR 138",
        "ISO_IR 148",
        "ISO_IR 203",
        "ISO_IR 13",
        "ISO_IR 166",
        "ISO_IR 192",
        "GB18030",
        "GBK",
        "ISO 2022 IR 100",
        "ISO 2022 IR 101",
        "ISO 2022 IR 109",
        "ISO 2022 IR 110",
        "ISO 2022 IR 144",
        "ISO 2022 IR 127",
        "ISO 2022 IR 126",
        "ISO 2022 IR 138",
        "ISO 2022 IR 148",
        "ISO 2022 IR 203",
        "ISO 2022 IR 13",
        "ISO 2022 IR 166",
        "\\ISO 2022 IR 100",
        "\\ISO 2022 IR 144",
        "\\ISO 2022 IR 87",
        "\\ISO 2022 IR 159",
        "\\ISO 2022 IR 149",
        "\\ISO 2022 IR 58",
        "ISO 2022 IR 6\\ISO 2022 IR 87",
        "ISO 2022 IR 6\\ISO 2022 IR 149",
        "ISO 2022 IR 6\\ISO 2022 IR 58",
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        "\\ISO 2022 IR 87\\ISO 2022 IR 159",
        "\\ISO 2022 IR 13\\ISO 2022 IR 87",
        "ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159"};

    (void)dcmtk_has_dictionary();
    (void)guarded(nullptr, 0, [] {
        for (const char *charset : charsets)
            keep_converter(charset);
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

int dcmtk_to_utf8(const char *charset, const char *text, size_t length,
                  char **ret, struct error *err)
{
    return guarded(err, -1, [&] {
        DcmSpecificCharacterSet own;
        DcmSpecificCharacterSet *converter = find_converter(charset);
        OFString out;

        if (!converter) {
            converter = &own;
            if (own.selectCharacterSet(OFString(charset)).bad())
                return 1;
        }
        if (converter->convertString(text, length, out, "\\").bad())
            return 1;
        *ret = strdup(out.c_str());
        return *ret ? 0 : error_no_memory(err);
    });
}

bool dcmtk_number(const char *text, size_t length, double *ret)
{
    const char *end = text + length;
    double value = 0;

    if (length > 0 && *text == '+') {
        text++;
        if (text < end && *text == '-')
            return false;
    }
    std::from_chars_result r = std::from_chars(text, end, value);
    if (r.ec != std::errc() || r.ptr != end || !std::isfinite(value))
        return false;
    *ret = value;
    return true;
}
