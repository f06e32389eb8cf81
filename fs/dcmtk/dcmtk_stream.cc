// SPDX-License-Identifier: MIT
#include "dcmtk/dcmtk_stream.h"

#include <cstring>
#include <ctime>
#include <new>
#include <utility>

namespace dcmtk
{

namespace
{

/* Distance that putback must be able to bridge (DcmInputStream::mark). */
constexpr uint64_t putback_bytes = 1024;
constexpr size_t max_stack_bytes = 512 * 1024;
/* An element costs three reads or more; kept, some 250 bytes of memory. */
constexpr uint64_t max_reads = 4 * 1000 * 1000;
constexpr uint64_t reads_per_clock = 4096;

uint64_t thread_seconds()
{
    struct timespec now;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return 0;
    return static_cast<uint64_t>(now.tv_sec);
}

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

} // namespace

/* ---- Producer ---- */

Producer::Producer(const dcmtk_input &input, uint64_t start, Trouble &trouble)
    : input_(input), trouble_(trouble), at_(start), from_(start),
      stack_(__builtin_frame_address(0))
{
    if (input.max_cpu_seconds)
        deadline_ = thread_seconds() + input.max_cpu_seconds;
}

OFBool Producer::good() const
{
    return status_.good();
}

OFCondition Producer::status() const
{
    return status_;
}

OFBool Producer::eos()
{
    return at_ >= input_.end;
}

offile_off_t Producer::avail()
{
    return static_cast<offile_off_t>(input_.end - at_);
}

offile_off_t Producer::read(void *buf, offile_off_t buflen)
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

offile_off_t Producer::skip(offile_off_t skiplen)
{
    if (skiplen <= 0 || !allowed(0))
        return 0;
    uint64_t length = static_cast<uint64_t>(skiplen);
    if (length > input_.end - at_)
        length = input_.end - at_;
    at_ += length;
    return static_cast<offile_off_t>(length);
}

void Producer::putback(offile_off_t num)
{
    uint64_t back = num < 0 ? UINT64_MAX : static_cast<uint64_t>(num);

    if (back > at_ - input_.start) {
        status_ = EC_PutbackFailed;
        return;
    }
    at_ -= back;
}

uint64_t Producer::buffered() const
{
    if (at_ < from_ || at_ - from_ >= filled_)
        return 0;
    return filled_ - (at_ - from_);
}

/* Some bytes before the position are kept, for putback. */
bool Producer::refill()
{
    uint64_t from =
        at_ - input_.start > putback_bytes ? at_ - putback_bytes : input_.start;
    uint64_t length = input_.end - from;

    if (length > sizeof buffer_)
        length = sizeof buffer_;
    filled_ = 0;
    if (input_.read(input_.opaque, from, buffer_, length, &trouble_.err) != 0) {
        trouble_.any = true;
        status_ = EC_InvalidStream;
        return false;
    }
    from_ = from;
    filled_ = length;
    return true;
}

bool Producer::refuse(const char *what)
{
    if (!trouble_.any)
        (void)error_set(&trouble_.err, ERROR_TOO_BIG, "header: %s", what);
    trouble_.any = true;
    status_ = EC_InvalidStream;
    return false;
}

bool Producer::allowed(uint64_t length)
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

size_t Producer::stack_used() const
{
    const char *base = static_cast<const char *>(stack_);
    const char *here = static_cast<const char *>(__builtin_frame_address(0));

    return static_cast<size_t>(here < base ? base - here : here - base);
}

/* ---- Stream ---- */

Stream::Stream(const dcmtk_input &input, uint64_t start, Trouble &trouble)
    : DcmInputStream(&producer_), producer_(input, start, trouble),
      input_(input), start_(start), trouble_(trouble)
{
}

DcmInputStreamFactory *Stream::newFactory() const
{
    left_out_ = std::make_shared<uint64_t>(0);
    return new Factory(input_, offset(), left_out_, trouble_);
}

offile_off_t Stream::skip(offile_off_t length)
{
    if (left_out_)
        *left_out_ = length < 0 ? 0 : static_cast<uint64_t>(length);
    left_out_.reset();
    return DcmInputStream::skip(length);
}

void Stream::mark()
{
    last_mark_ = offset();
    DcmInputStream::mark();
}

uint64_t Stream::last_mark() const
{
    return last_mark_;
}

uint64_t Stream::offset() const
{
    return start_ + static_cast<uint64_t>(tell());
}

} // namespace dcmtk
