// SPDX-License-Identifier: MIT
/* codestream_dcmtk.cc: DCMTK's JPEG and JPEG-LS encoders. */
#undef NDEBUG
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcpxitem.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmjpeg/djcparam.h"
#include "dcmtk/dcmjpeg/djeijg12.h"
#include "dcmtk/dcmjpeg/djeijg8.h"
#include "dcmtk/dcmjpls/djencode.h"
#include "dcmtk/dcmjpls/djrparam.h"

#include <cassert>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "support/codestream.h"

namespace
{

EJ_Mode mode_of(enum dct_kind kind)
{
    switch (kind) {
    case DCT_BASELINE:
        return EJM_baseline;
    case DCT_EXTENDED_12:
        return EJM_sequential;
    case DCT_PROGRESSIVE:
        return EJM_progressive;
    }
    std::abort();
}

struct codestream take(Uint8 *data, Uint32 size)
{
    struct codestream c = {nullptr, 0};

    codestream_put(&c, data, size);
    delete[] data;
    return c;
}

template <class Encoder, class Sample>
struct codestream encode(const struct picture *p, const struct dct *how)
{
    const DJCodecParameter parameter(
        how->as_rgb ? ECC_lossyRGB : ECC_lossyYCbCr, EDC_never, EUC_never,
        EPC_colorByPixel, OFFalse, OFFalse, OFFalse, OFTrue, 0, 0, 0, OFTrue,
        how->subsampled ? ESS_422 : ESS_444);
    Encoder encoder(parameter, mode_of(how->kind),
                    static_cast<Uint8>(how->quality));
    std::vector<Sample> samples(p->samples, p->samples + picture_count(p));
    Uint8 *data = nullptr;
    Uint32 size = 0;
    const OFCondition outcome = encoder.encode(
        static_cast<Uint16>(p->width), static_cast<Uint16>(p->height),
        p->channels == 3 ? EPI_RGB : EPI_Monochrome2,
        static_cast<Uint16>(p->channels), samples.data(), data, size);

    assert(outcome.good());
    return take(data, size);
}

void put16(DcmDataset &d, const DcmTagKey &key, unsigned value)
{
    assert(d.putAndInsertUint16(DcmTag(key, EVR_US), static_cast<Uint16>(value))
               .good());
}

void fill(DcmDataset &d, const struct picture *p)
{
    const bool wide = p->bits > 8;

    put16(d, DCM_SamplesPerPixel, p->channels);
    put16(d, DCM_Rows, p->height);
    put16(d, DCM_Columns, p->width);
    put16(d, DCM_BitsAllocated, wide ? 16 : 8);
    put16(d, DCM_BitsStored, p->bits);
    put16(d, DCM_HighBit, p->bits - 1);
    put16(d, DCM_PixelRepresentation, 0);
    if (p->channels > 1)
        put16(d, DCM_PlanarConfiguration, 0);
    assert(d.putAndInsertString(DcmTag(DCM_PhotometricInterpretation, EVR_CS),
                                p->channels == 3 ? "RGB" : "MONOCHROME2")
               .good());
    DcmPixelData *pixels =
        new DcmPixelData(DcmTag(DCM_PixelData, wide ? EVR_OW : EVR_OB));
    if (wide) {
        std::vector<Uint16> s(p->samples, p->samples + picture_count(p));

        assert(pixels->putUint16Array(s.data(), s.size()).good());
    } else {
        std::vector<Uint8> s(p->samples, p->samples + picture_count(p));

        assert(pixels->putUint8Array(s.data(), s.size()).good());
    }
    assert(d.insert(pixels).good()); /* takes ownership */
}

} // namespace

struct codestream encode_dct(const struct picture *p, const struct dct *how)
{
    if (how->kind == DCT_EXTENDED_12)
        return encode<DJCompressIJG12Bit, Uint16>(p, how);
    return encode<DJCompressIJG8Bit, Uint8>(p, how);
}

struct codestream encode_jls_dcmtk(const struct picture *p, unsigned near,
                                   unsigned interleave)
{
    const E_TransferSyntax syntax = near ? EXS_JPEGLSLossy : EXS_JPEGLSLossless;
    const DJLSRepresentationParameter parameter(static_cast<Uint16>(near),
                                                near == 0);
    struct codestream c = {nullptr, 0};
    DcmDataset dataset;
    DcmElement *element = nullptr;
    DcmPixelSequence *sequence = nullptr;
    DcmPixelItem *item = nullptr;
    Uint8 *bytes = nullptr;

    fill(dataset, p);
    /* Without "cooked" encoding the words are coded as they are. */
    DJLSEncoderRegistration::registerCodecs(
        0, 0, 0, 0, OFFalse, 0, OFFalse, EJLSUC_never, OFFalse,
        interleave == 2 ? DJLSCodecParameter::interleaveSample
                        : DJLSCodecParameter::interleaveLine);
    assert(dataset.chooseRepresentation(syntax, &parameter).good());
    assert(dataset.findAndGetElement(DCM_PixelData, element).good());
    assert(static_cast<DcmPixelData *>(element)
               ->getEncapsulatedRepresentation(syntax, &parameter, sequence)
               .good());
    assert(sequence->getItem(item, 1).good());
    assert(item->getUint8Array(bytes).good());
    codestream_put(&c, bytes, item->getLength());
    DJLSEncoderRegistration::cleanup();
    return c;
}
