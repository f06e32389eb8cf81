// SPDX-License-Identifier: MIT
/*
 * dcmtk_impl.h: what the C++ files of this folder share. Nothing else includes
 * it.
 */
#ifndef DCMTK_DCMTK_IMPL_H
#define DCMTK_DCMTK_IMPL_H

#include <exception>
#include <new>

#include "prepfs/error.h"

namespace dcmtk
{

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

} // namespace dcmtk

#endif
