// SPDX-License-Identifier: MIT
/*
 * dcmtk_stream.h: a caller's read function as an input stream of DCMTK.
 *
 * The parser gets a stream of our own instead of a file name: the descriptor
 * is already open (beneath the archive's root), a deflated data set lies in
 * memory, and only here can a hostile file be stopped: DCMTK recurses once per
 * nesting level, keeps every element, and sorts each into a list. So the
 * stream refuses to go on once too much stack, input, elements or time was
 * used, and the parser unwinds by itself.
 *
 * Threads: a stream belongs to one thread.
 */
#ifndef DCMTK_DCMTK_STREAM_H
#define DCMTK_DCMTK_STREAM_H

#include "dcmtk/config/osconfig.h"
#include "dcmtk/dcmdata/dctk.h"
#include "dcmtk/dcmdata/dcistrma.h"

#include <memory>

#include "dcmtk/dcmtk_shim.h"

namespace dcmtk
{

/* Why a stream stopped by itself. */
struct Trouble {
    struct error err = ERROR_INIT;
    bool any = false;
};

/* The bytes of the input, buffered, with the guards on. */
class Producer : public DcmProducer
{
  public:
    Producer(const dcmtk_input &input, uint64_t start, Trouble &trouble);

    OFBool good() const override;
    OFCondition status() const override;
    OFBool eos() override;
    offile_off_t avail() override;
    offile_off_t read(void *buf, offile_off_t buflen) override;
    offile_off_t skip(offile_off_t skiplen) override;
    void putback(offile_off_t num) override;

  private:
    uint64_t buffered() const;
    bool refill();
    bool refuse(const char *what);
    bool allowed(uint64_t length);
    size_t stack_used() const;

    const dcmtk_input &input_;
    Trouble &trouble_;
    OFCondition status_ = EC_Normal;
    uint64_t at_;
    uint64_t from_;
    uint64_t filled_ = 0;
    uint64_t bytes_ = 0;
    uint64_t reads_ = 0;
    const void *stack_;
    uint64_t deadline_ = 0;
    uint8_t buffer_[16 * 1024];
};

/* From `start` on. Input and trouble are borrowed for as long as the stream
 * or a value that was left out of memory can be read. */
class Stream : public DcmInputStream
{
  public:
    Stream(const dcmtk_input &input, uint64_t start, Trouble &trouble);

    DcmInputStreamFactory *newFactory() const override;

    /* What follows newFactory is the skip over the value that is left out. */
    offile_off_t skip(offile_off_t length) override;

    /* Called before each tag is read. */
    void mark() override;

    /* Offset in the input of the last tag that was begun. */
    uint64_t last_mark() const;

  private:
    uint64_t offset() const;

    Producer producer_;
    const dcmtk_input &input_;
    uint64_t start_;
    uint64_t last_mark_ = 0;
    mutable std::shared_ptr<uint64_t> left_out_;
    Trouble &trouble_;
};

} // namespace dcmtk

#endif
