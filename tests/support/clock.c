/* A wall clock that steps by CLOCK_STEP_SECONDS once the process has run for CLOCK_STEP_AFTER_MS. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int (*system_clock)(clockid_t, struct timespec *);
static long step_seconds;
static long step_at_ms;

static long monotonic_ms(void) {
    struct timespec now;
    system_clock(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

__attribute__((constructor)) static void begin(void) {
    system_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *seconds = getenv("CLOCK_STEP_SECONDS");
    const char *after = getenv("CLOCK_STEP_AFTER_MS");
    step_seconds = seconds ? atol(seconds) : 0;
    step_at_ms = monotonic_ms() + (after ? atol(after) : 0);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!system_clock)
        begin();
    int outcome = system_clock(clock, now);
    if (outcome == 0 && clock == CLOCK_REALTIME && monotonic_ms() >= step_at_ms)
        now->tv_sec += step_seconds;
    return outcome;
}
