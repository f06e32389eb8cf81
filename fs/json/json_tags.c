// SPDX-License-Identifier: MIT
/* The table; json_tags.h says why a group is in it. */
#include "json/json_tags.h"

static const struct json_tag tags[] = {
    {0x00080008, "CS", "ImageType", JSON_TAG_KIND},
    {0x00080016, "UI", "SOPClassUID", JSON_TAG_KIND},
    {0x00080060, "CS", "Modality", JSON_TAG_KIND},
    {0x00080068, "CS", "PresentationIntentType", JSON_TAG_KIND},
    {0x00080070, "LO", "Manufacturer", JSON_TAG_DEVICE},
    {0x00081090, "LO", "ManufacturerModelName", JSON_TAG_DEVICE},
    {0x00082144, "IS", "RecommendedDisplayFrameRate", JSON_TAG_TIME},
    {0x00180015, "CS", "BodyPartExamined", JSON_TAG_KIND},
    {0x00180020, "CS", "ScanningSequence", JSON_TAG_ACQUISITION},
    {0x00180021, "CS", "SequenceVariant", JSON_TAG_ACQUISITION},
    {0x00180022, "CS", "ScanOptions", JSON_TAG_ACQUISITION},
    {0x00180023, "CS", "MRAcquisitionType", JSON_TAG_ACQUISITION},
    {0x00180024, "SH", "SequenceName", JSON_TAG_ACQUISITION},
    {0x00180040, "IS", "CineRate", JSON_TAG_TIME},
    {0x00180050, "DS", "SliceThickness", JSON_TAG_GEOMETRY},
    {0x00180060, "DS", "KVP", JSON_TAG_ACQUISITION},
    {0x00180080, "DS", "RepetitionTime", JSON_TAG_ACQUISITION},
    {0x00180081, "DS", "EchoTime", JSON_TAG_ACQUISITION},
    {0x00180082, "DS", "InversionTime", JSON_TAG_ACQUISITION},
    {0x00180083, "DS", "NumberOfAverages", JSON_TAG_ACQUISITION},
    {0x00180084, "DS", "ImagingFrequency", JSON_TAG_ACQUISITION},
    {0x00180085, "SH", "ImagedNucleus", JSON_TAG_ACQUISITION},
    {0x00180086, "IS", "EchoNumbers", JSON_TAG_ACQUISITION},
    {0x00180087, "DS", "MagneticFieldStrength", JSON_TAG_ACQUISITION},
    {0x00180088, "DS", "SpacingBetweenSlices", JSON_TAG_GEOMETRY},
    {0x00180090, "DS", "DataCollectionDiameter", JSON_TAG_GEOMETRY},
    {0x00180091, "IS", "EchoTrainLength", JSON_TAG_ACQUISITION},
    {0x00180093, "DS", "PercentSampling", JSON_TAG_ACQUISITION},
    {0x00180094, "DS", "PercentPhaseFieldOfView", JSON_TAG_ACQUISITION},
    {0x00180095, "DS", "PixelBandwidth", JSON_TAG_ACQUISITION},
    {0x00181063, "DS", "FrameTime", JSON_TAG_TIME},
    {0x00181100, "DS", "ReconstructionDiameter", JSON_TAG_GEOMETRY},
    {0x00181110, "DS", "DistanceSourceToDetector", JSON_TAG_GEOMETRY},
    {0x00181111, "DS", "DistanceSourceToPatient", JSON_TAG_GEOMETRY},
    {0x00181114, "DS", "EstimatedRadiographicMagnificationFactor",
     JSON_TAG_GEOMETRY},
    {0x00181120, "DS", "GantryDetectorTilt", JSON_TAG_GEOMETRY},
    {0x00181130, "DS", "TableHeight", JSON_TAG_GEOMETRY},
    {0x00181140, "CS", "RotationDirection", JSON_TAG_GEOMETRY},
    {0x00181150, "IS", "ExposureTime", JSON_TAG_ACQUISITION},
    {0x00181151, "IS", "XRayTubeCurrent", JSON_TAG_ACQUISITION},
    {0x00181152, "IS", "Exposure", JSON_TAG_ACQUISITION},
    {0x00181153, "IS", "ExposureInuAs", JSON_TAG_ACQUISITION},
    {0x00181160, "SH", "FilterType", JSON_TAG_ACQUISITION},
    {0x00181164, "DS", "ImagerPixelSpacing", JSON_TAG_GEOMETRY},
    {0x00181170, "IS", "GeneratorPower", JSON_TAG_ACQUISITION},
    {0x00181190, "DS", "FocalSpots", JSON_TAG_ACQUISITION},
    {0x00181191, "CS", "AnodeTargetMaterial", JSON_TAG_ACQUISITION},
    {0x001811A0, "DS", "BodyPartThickness", JSON_TAG_ACQUISITION},
    {0x001811A2, "DS", "CompressionForce", JSON_TAG_ACQUISITION},
    {0x00181210, "SH", "ConvolutionKernel", JSON_TAG_ACQUISITION},
    {0x00181310, "US", "AcquisitionMatrix", JSON_TAG_ACQUISITION},
    {0x00181312, "CS", "InPlanePhaseEncodingDirection", JSON_TAG_ACQUISITION},
    {0x00181314, "DS", "FlipAngle", JSON_TAG_ACQUISITION},
    {0x00181405, "IS", "RelativeXRayExposure", JSON_TAG_ACQUISITION},
    {0x00181411, "DS", "ExposureIndex", JSON_TAG_ACQUISITION},
    {0x00181412, "DS", "TargetExposureIndex", JSON_TAG_ACQUISITION},
    {0x00181413, "DS", "DeviationIndex", JSON_TAG_ACQUISITION},
    {0x00181450, "DS", "ColumnAngulation", JSON_TAG_GEOMETRY},
    {0x00181508, "CS", "PositionerType", JSON_TAG_GEOMETRY},
    {0x00181510, "DS", "PositionerPrimaryAngle", JSON_TAG_GEOMETRY},
    {0x00181511, "DS", "PositionerSecondaryAngle", JSON_TAG_GEOMETRY},
    {0x00181530, "DS", "DetectorPrimaryAngle", JSON_TAG_GEOMETRY},
    {0x00181531, "DS", "DetectorSecondaryAngle", JSON_TAG_GEOMETRY},
    {0x00182010, "DS", "NominalScannedPixelSpacing", JSON_TAG_GEOMETRY},
    {0x00185100, "CS", "PatientPosition", JSON_TAG_GEOMETRY},
    {0x00185101, "CS", "ViewPosition", JSON_TAG_KIND},
    {0x00186030, "UL", "TransducerFrequency", JSON_TAG_ACQUISITION},
    {0x00187050, "CS", "FilterMaterial", JSON_TAG_ACQUISITION},
    {0x00187060, "CS", "ExposureControlMode", JSON_TAG_ACQUISITION},
    {0x00189087, "FD", "DiffusionBValue", JSON_TAG_ACQUISITION},
    {0x00189305, "FD", "RevolutionTime", JSON_TAG_ACQUISITION},
    {0x00189306, "FD", "SingleCollimationWidth", JSON_TAG_ACQUISITION},
    {0x00189307, "FD", "TotalCollimationWidth", JSON_TAG_ACQUISITION},
    {0x00189309, "FD", "TableSpeed", JSON_TAG_ACQUISITION},
    {0x00189310, "FD", "TableFeedPerRotation", JSON_TAG_ACQUISITION},
    {0x00189311, "FD", "SpiralPitchFactor", JSON_TAG_ACQUISITION},
    {0x00189345, "FD", "CTDIvol", JSON_TAG_ACQUISITION},
    {0x00200011, "IS", "SeriesNumber", JSON_TAG_ORDER},
    {0x00200012, "IS", "AcquisitionNumber", JSON_TAG_ORDER},
    {0x00200013, "IS", "InstanceNumber", JSON_TAG_ORDER},
    {0x00200020, "CS", "PatientOrientation", JSON_TAG_GEOMETRY},
    {0x00200032, "DS", "ImagePositionPatient", JSON_TAG_GEOMETRY},
    {0x00200037, "DS", "ImageOrientationPatient", JSON_TAG_GEOMETRY},
    {0x00200052, "UI", "FrameOfReferenceUID", JSON_TAG_GEOMETRY},
    {0x00200060, "CS", "Laterality", JSON_TAG_KIND},
    {0x00200062, "CS", "ImageLaterality", JSON_TAG_KIND},
    {0x00200100, "IS", "TemporalPositionIdentifier", JSON_TAG_ORDER},
    {0x00200105, "IS", "NumberOfTemporalPositions", JSON_TAG_ORDER},
    {0x00201002, "IS", "ImagesInAcquisition", JSON_TAG_ORDER},
    {0x00201041, "DS", "SliceLocation", JSON_TAG_GEOMETRY},
    {0x00280002, "US", "SamplesPerPixel", JSON_TAG_PIXELS},
    {0x00280004, "CS", "PhotometricInterpretation", JSON_TAG_PIXELS},
    {0x00280006, "US", "PlanarConfiguration", JSON_TAG_PIXELS},
    {0x00280008, "IS", "NumberOfFrames", JSON_TAG_PIXELS},
    {0x00280009, "AT", "FrameIncrementPointer", JSON_TAG_PIXELS},
    {0x00280010, "US", "Rows", JSON_TAG_PIXELS},
    {0x00280011, "US", "Columns", JSON_TAG_PIXELS},
    {0x00280030, "DS", "PixelSpacing", JSON_TAG_GEOMETRY},
    {0x00280034, "IS", "PixelAspectRatio", JSON_TAG_GEOMETRY},
    {0x00280051, "CS", "CorrectedImage", JSON_TAG_KIND},
    {0x00280100, "US", "BitsAllocated", JSON_TAG_PIXELS},
    {0x00280101, "US", "BitsStored", JSON_TAG_PIXELS},
    {0x00280102, "US", "HighBit", JSON_TAG_PIXELS},
    {0x00280103, "US", "PixelRepresentation", JSON_TAG_PIXELS},
    {0x00280106, "US", "SmallestImagePixelValue", JSON_TAG_PIXELS},
    {0x00280107, "US", "LargestImagePixelValue", JSON_TAG_PIXELS},
    {0x00280120, "US", "PixelPaddingValue", JSON_TAG_PIXELS},
    {0x00280121, "US", "PixelPaddingRangeLimit", JSON_TAG_PIXELS},
    {0x00280301, "CS", "BurnedInAnnotation", JSON_TAG_KIND},
    {0x00280A02, "CS", "PixelSpacingCalibrationType", JSON_TAG_GEOMETRY},
    {0x00281040, "CS", "PixelIntensityRelationship", JSON_TAG_PIXELS},
    {0x00281041, "SS", "PixelIntensityRelationshipSign", JSON_TAG_PIXELS},
    {0x00281050, "DS", "WindowCenter", JSON_TAG_PIXELS},
    {0x00281051, "DS", "WindowWidth", JSON_TAG_PIXELS},
    {0x00281052, "DS", "RescaleIntercept", JSON_TAG_PIXELS},
    {0x00281053, "DS", "RescaleSlope", JSON_TAG_PIXELS},
    {0x00281054, "LO", "RescaleType", JSON_TAG_PIXELS},
    {0x00281056, "CS", "VOILUTFunction", JSON_TAG_PIXELS},
    {0x00282110, "CS", "LossyImageCompression", JSON_TAG_PIXELS},
    {0x00282112, "DS", "LossyImageCompressionRatio", JSON_TAG_PIXELS},
    {0x00282114, "CS", "LossyImageCompressionMethod", JSON_TAG_PIXELS},
    {0x00541001, "CS", "Units", JSON_TAG_PIXELS},
    {0x00541102, "CS", "DecayCorrection", JSON_TAG_ACQUISITION},
    {0x00541300, "DS", "FrameReferenceTime", JSON_TAG_TIME},
    {0x00541321, "DS", "DecayFactor", JSON_TAG_ACQUISITION},
    {0x00541322, "DS", "DoseCalibrationFactor", JSON_TAG_PIXELS},
    {0x20500020, "CS", "PresentationLUTShape", JSON_TAG_PIXELS},
};

#define TAGS (sizeof tags / sizeof tags[0])

const struct json_tag *json_tags(size_t *ret_n)
{
    *ret_n = TAGS;
    return tags;
}

const struct json_tag *json_tag_find(uint32_t tag)
{
    size_t low = 0;
    size_t high = TAGS;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tags[middle].tag == tag)
            return &tags[middle];
        if (tags[middle].tag < tag)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
