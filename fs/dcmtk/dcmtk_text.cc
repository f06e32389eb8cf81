// SPDX-License-Identifier: MIT
/* dcmtk_text.cc: character sets, and numbers that are written as text. */
#include "dcmtk/dcmtk_shim.h"

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmdata/dcspchrs.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dcmtk/dcmtk_impl.h"

using dcmtk::guarded;

namespace
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

} // namespace

void dcmtk_prepare(void)
{
    (void)dcmtk_has_dictionary();
    (void)guarded(nullptr, 0, [] {
        for (const char *charset : charsets)
            keep_converter(charset);
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
