// SPDX-License-Identifier: MIT
/*
 * scale_headers.cc: how fast DCMTK alone reads the headers of the files that
 * stdin lists, in one thread, up to the pixels. Prints "n seconds".
 */
#include <chrono>
#include <iostream>
#include <string>
#include <vector>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

int main()
{
    std::vector<std::string> paths;
    std::string line;

    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    while (std::getline(std::cin, line))
        paths.push_back(line);
    auto started = std::chrono::steady_clock::now();
    size_t n = 0;

    for (const std::string &path : paths) {
        DcmFileFormat file;

        n += file.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange,
                                   DCM_MaxReadLength, ERM_autoDetect,
                                   DCM_PixelData)
                 .good();
    }
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - started;

    std::cout << n << ' ' << seconds.count() << '\n';
    return n == paths.size() ? 0 : 1;
}
