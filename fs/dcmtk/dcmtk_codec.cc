// SPDX-License-Identifier: MIT
/*
 * dcmtk_codec.cc: see dcmtk_codec.h.
 *
 * The decoder classes are used directly and not through a data set with a
 * pixel sequence: there is then no codec registry, no copy of the codestream,
 * and the warnings of the IJG library can be seen. These matter, because the
 * library answers missing or damaged data with a warning and grey pixels.
 */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcuid.h"
#include "dcmtk/dcmjpeg/djcparam.h"
#include "dcmtk/dcmjpeg/djdijg12.h"
#include "dcmtk/dcmjpeg/djdijg16.h"
#include "dcmtk/dcmjpeg/djdijg8.h"

#include <cstring>

#include "dcmtk/dcmtk_codec.h"
#include "dcmtk/dcmtk_impl.h"

using dcmtk::guarded;

namespace
{

/*
 * Knows whether the last row has been written. The decoder copies finished
 * rows to the frame buffer one after another, so a pattern that no image has
 * is put into the last row and looked for later.
 */
class LastRow
{
  public:
    LastRow(uint8_t *row, size_t size) : row_(row), size_(size)
    {
        uint32_t state = 0x9e3779b9u;

        for (size_t i = 0; i < size_; i++)
            row_[i] = next(state);
    }

    bool written() const
    {
        uint32_t state = 0x9e3779b9u;

        for (size_t i = 0; i < size_; i++)
            if (row_[i] != next(state))
                return true;
        return false;
    }

  private:
    static uint8_t next(uint32_t &state)
    {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return static_cast<uint8_t>(state >> 24);
    }

    uint8_t *row_;
    size_t size_;
};

/* A decoder that notes warnings which came before the last row, and is
 * silent. Level -1 is a warning: "data corrupt, but can continue". */
template <class Base> class Strict : public Base
{
  public:
    Strict(const DJCodecParameter &parameter, const LastRow &last)
        : Base(parameter, OFFalse), last_(last), damaged_(false)
    {
    }

    void emitMessage(int level) const override
    {
        if (level < 0 && !last_.written())
            damaged_ = true;
    }

    bool damaged() const
    {
        return damaged_;
    }

  private:
    const LastRow &last_;
    mutable bool damaged_;
};

struct job {
    const uint8_t *bytes;
    Uint32 length;
    uint8_t *samples;
    Uint32 size;
    size_t row_bytes;
};

template <class Base> int decode(const job &j, struct error *err)
{
    const DJCodecParameter parameter(ECC_lossyYCbCr, EDC_never, EUC_never,
                                     EPC_colorByPixel);
    const LastRow last(j.samples + j.size - j.row_bytes, j.row_bytes);
    Strict<Base> decoder(parameter, last);
    OFCondition outcome = decoder.init();

    if (outcome.good())
        outcome = decoder.decode(const_cast<Uint8 *>(j.bytes), j.length,
                                 j.samples, j.size, OFFalse);
    if (outcome.bad() && !last.written())
        return error_set(err,
                         outcome == EC_MemoryExhausted ? ERROR_NO_MEMORY
                                                       : ERROR_CORRUPT,
                         "JPEG: %s", outcome.text());
    if (decoder.damaged())
        return error_set(err, ERROR_CORRUPT,
                         "JPEG: the coded data are damaged or incomplete");
    return 0;
}

/* The three builds of the IJG library; 12 and 16 bits use 16-bit samples. */
int decode_any(uint32_t precision, const job &j, struct error *err)
{
    if (precision <= 8)
        return decode<DJDecompressIJG8Bit>(j, err);
    if (precision <= 12)
        return decode<DJDecompressIJG12Bit>(j, err);
    return decode<DJDecompressIJG16Bit>(j, err);
}

} // namespace

unsigned dcmtk_jpeg_sample_bytes(const struct dcmtk_jpeg *frame)
{
    return frame->precision <= 8 ? 1 : 2;
}

int dcmtk_jpeg_decode(const struct dcmtk_jpeg *frame, const uint8_t *bytes,
                      size_t length, uint8_t *samples, size_t size,
                      struct error *err)
{
    const uint64_t row_bytes = uint64_t(frame->cols) * frame->components *
                               dcmtk_jpeg_sample_bytes(frame);

    if (length > UINT32_MAX || size > UINT32_MAX)
        return error_set(err, ERROR_TOO_BIG, "a JPEG frame of 4 GiB");
    if (!size || row_bytes > size || size / row_bytes != frame->rows ||
        size % row_bytes)
        return error_set(err, ERROR_INTERNAL, "JPEG: wrong buffer size");
    const job j = {bytes, static_cast<Uint32>(length), samples,
                   static_cast<Uint32>(size), static_cast<size_t>(row_bytes)};

    return guarded(err, -1,
                   [&] { return decode_any(frame->precision, j, err); });
}

const char *dcmtk_codec_version(void)
{
    return OFFIS_DCMTK_VERSION_STRING;
}
