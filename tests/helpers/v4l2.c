/* A stand-in for two devices of Video4Linux, since a machine without their drivers has none: loaded with LD_PRELOAD,
 * it answers for /dev/video_in and /dev/video_out the system calls that FFmpeg makes, as videodev2.h describes them.
 *
 * /dev/video_in   a webcam: pictures of STANDIN_WIDTH x STANDIN_HEIGHT in YUYV from the file STANDIN_SOURCE, over and
 *                 over, 25 a second, in buffers that are mapped into memory; while that file is empty, the webcam is pulled out
 * /dev/video_out  a loopback: what is written, one picture a call, goes to the file STANDIN_TARGET; the format that was
 *                 set goes to STANDIN_TARGET.format; a write of another size than that format's fails
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS 4

static int camera = -1, loopback = -1, source = -1;
static unsigned queue[BUFFERS], queued, taken, size_of_output, shown;

static unsigned wide(void) { return atoi(getenv("STANDIN_WIDTH")); }
static unsigned high(void) { return atoi(getenv("STANDIN_HEIGHT")); }
static unsigned coded(void) { return wide() * high() * 2; }
static unsigned room(void) { return (coded() + 4095) / 4096 * 4096; }

static const char *behind(const char *path) {
    if (strcmp(path, "/dev/video_in") == 0) return "in";
    if (strcmp(path, "/dev/video_out") == 0) return "out";
    return NULL;
}

static int opened(const char *which) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    if (strcmp(which, "out") == 0)
        return loopback = real(getenv("STANDIN_TARGET"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    source = real(getenv("STANDIN_SOURCE"), O_RDONLY | O_CLOEXEC);
    camera = memfd_create("camera", MFD_CLOEXEC);
    if (source < 0 || camera < 0 || ftruncate(camera, BUFFERS * room())) return -1;
    return camera;
}

#define OPENING(name)                                              \
    int name(const char *path, int flags, ...) {                   \
        va_list more;                                              \
        va_start(more, flags);                                     \
        int mode = va_arg(more, int);                              \
        va_end(more);                                              \
        const char *which = behind(path);                          \
        if (which) return opened(which);                           \
        int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \
        return real(path, flags, mode);                            \
    }
OPENING(open)
OPENING(open64)

#define TELLING(name, type)                                        \
    int name(const char *path, struct type *told) {                \
        int (*real)(const char *, struct type *) = dlsym(RTLD_NEXT, #name); \
        return real(behind(path) ? "/dev/null" : path, told);      \
    }
TELLING(stat, stat)
TELLING(stat64, stat64)

ssize_t write(int fd, const void *data, size_t size) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    if (fd >= 0 && fd == loopback && size != size_of_output) {
        errno = EINVAL;
        return -1;
    }
    return real(fd, data, size);
}

int close(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "close");
    if (fd >= 0 && fd == camera) camera = -1;
    if (fd >= 0 && fd == loopback) loopback = -1;
    return real(fd);
}

static int invalid(void) {
    errno = EINVAL;
    return -1;
}

static int filled(struct v4l2_buffer *buffer) {
    static struct timespec next;
    if (queued == taken) return invalid();
    if (!next.tv_sec) clock_gettime(CLOCK_MONOTONIC, &next);
    next.tv_nsec += 40000000;
    if (next.tv_nsec >= 1000000000) next.tv_sec++, next.tv_nsec -= 1000000000;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    struct stat told;
    if (fstat(source, &told) || told.st_size < coded()) {
        errno = ENODEV;
        return -1;
    }
    unsigned index = queue[taken++ % BUFFERS];
    char *pixels = malloc(coded());
    off_t place = (off_t)(shown++ % (told.st_size / coded())) * coded();
    int whole = pread(source, pixels, coded(), place) == (ssize_t)coded() &&
                pwrite(camera, pixels, coded(), (off_t)index * room()) == (ssize_t)coded();
    free(pixels);
    buffer->index = index;
    buffer->bytesused = coded();
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
    buffer->timestamp = (struct timeval){next.tv_sec, next.tv_nsec / 1000};
    return whole ? 0 : invalid();
}

static int asked_of_camera(unsigned long request, void *what) {
    struct v4l2_buffer *buffer = what;
    struct v4l2_pix_format *format = &((struct v4l2_format *)what)->fmt.pix;
    switch (request) {
    case VIDIOC_QUERYCAP:
        ((struct v4l2_capability *)what)->capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_G_INPUT:
        *(int *)what = 0;
        return 0;
    case VIDIOC_ENUMINPUT:
        return ((struct v4l2_input *)what)->index ? invalid() : 0;
    case VIDIOC_S_FMT:
    case VIDIOC_G_FMT:
        if (((struct v4l2_format *)what)->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return invalid();
        *format = (struct v4l2_pix_format){.width = wide(), .height = high(), .pixelformat = V4L2_PIX_FMT_YUYV,
            .field = V4L2_FIELD_NONE, .bytesperline = wide() * 2, .sizeimage = coded()};
        return 0;
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM:
        ((struct v4l2_streamparm *)what)->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
        ((struct v4l2_streamparm *)what)->parm.capture.timeperframe = (struct v4l2_fract){1, 25};
        return 0;
    case VIDIOC_REQBUFS:
        ((struct v4l2_requestbuffers *)what)->count = BUFFERS;
        return 0;
    case VIDIOC_QUERYBUF:
        buffer->length = room();
        buffer->m.offset = buffer->index * room();
        return buffer->index < BUFFERS ? 0 : invalid();
    case VIDIOC_QBUF:
        queue[queued++ % BUFFERS] = buffer->index;
        return buffer->index < BUFFERS ? 0 : invalid();
    case VIDIOC_DQBUF:
        return filled(buffer);
    case VIDIOC_STREAMON:
    case VIDIOC_STREAMOFF:
        return 0;
    }
    return invalid();
}

static int asked_of_loopback(unsigned long request, void *what) {
    struct v4l2_format *format = what;
    if ((request != VIDIOC_G_FMT && request != VIDIOC_S_FMT) || format->type != V4L2_BUF_TYPE_VIDEO_OUTPUT)
        return invalid();
    if (request == VIDIOC_G_FMT) return 0;
    char name[4096];
    snprintf(name, sizeof name, "%s.format", getenv("STANDIN_TARGET"));
    FILE *said = fopen(name, "w");
    fprintf(said, "%u %u %.4s %u", format->fmt.pix.width, format->fmt.pix.height,
        (char *)&format->fmt.pix.pixelformat, format->fmt.pix.sizeimage);
    size_of_output = format->fmt.pix.sizeimage;
    return fclose(said);
}

int ioctl(int fd, unsigned long request, ...) {
    va_list more;
    va_start(more, request);
    void *what = va_arg(more, void *);
    va_end(more);
    if (fd >= 0 && fd == camera) return asked_of_camera(request, what);
    if (fd >= 0 && fd == loopback) return asked_of_loopback(request, what);
    int (*real)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    return real(fd, request, what);
}
