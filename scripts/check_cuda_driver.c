/* Stand-in for the NVIDIA driver, for machines without one.

   gcc -shared -fPIC -Wl,-soname,libcuda.so.1 -o libcuda.so.1 check_cuda_driver.c

   STUB_GPUS names the compute capability of every GPU it shows ("8.6,9.0");
   unset or empty, it shows none. It answers what gluonattn.runtime asks, and has
   the names libmxnet.so of mxnet-cu112 1.9.1 links to; it computes nothing. */

#include <stdio.h>
#include <stdlib.h>

enum { SUCCESS = 0, NO_DEVICE = 100, INVALID_DEVICE = 101 };  /* as in cuda.h */
enum { CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76 };

/* Number of GPUs; the capability of one of them goes to major and minor. */
static int gpus(int ordinal, int *major, int *minor)
{
    const char *at = getenv("STUB_GPUS");
    int count = 0, used = 0, a, b;
    while (at && sscanf(at, " %d.%d%n", &a, &b, &used) == 2) {
        if (count++ == ordinal) {
            *major = a;
            *minor = b;
        }
        at += used;
        at += *at == ',';
    }
    return count;
}

int cuInit(unsigned flags)
{
    return gpus(-1, NULL, NULL) ? SUCCESS : NO_DEVICE;
}

int cuDeviceGetCount(int *count)
{
    *count = gpus(-1, NULL, NULL);
    return SUCCESS;
}

/* A real handle need not equal the ordinal, so neither does this one. */
int cuDeviceGet(int *device, int ordinal)
{
    *device = ordinal + 1000;
    return ordinal < gpus(-1, NULL, NULL) ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    int major = 0, minor = 0, ordinal = device - 1000;
    if (ordinal < 0 || ordinal >= gpus(ordinal, &major, &minor))
        return INVALID_DEVICE;
    *value = attribute == CAPABILITY_MAJOR ? major : attribute == CAPABILITY_MINOR ? minor : 0;
    return SUCCESS;
}

/* nm -D --undefined-only libmxnet.so | grep ' cu[A-Z]' */
#define REFUSE(name) int name(void) { return NO_DEVICE; }
REFUSE(cuDevicePrimaryCtxRetain)
REFUSE(cuGetErrorString)
REFUSE(cuGraphKernelNodeGetParams)
REFUSE(cuGraphNodeGetType)
REFUSE(cuLaunchKernel)
REFUSE(cuModuleGetFunction)
REFUSE(cuModuleLoadData)
REFUSE(cuModuleLoadDataEx)
REFUSE(cuModuleUnload)
