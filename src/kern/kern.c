/*
 * Chooses the kernel path once, from what the CPU says (CPUID through the compiler) or from the name that the user gives.
 */
#include "kern/path.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

const struct kern *kern;

size_t gemm_scratch_bytes_avx2(void), attention_scratch_bytes_avx2(void);
size_t gemm_scratch_bytes_avx512(void), attention_scratch_bytes_avx512(void);
size_t gemm_scratch_bytes_avx512bf16(void), attention_scratch_bytes_avx512bf16(void);
size_t gemm_scratch_bytes_amxbf16(void), attention_scratch_bytes_amxbf16(void);
size_t gemm_scratch_bytes_neon(void), attention_scratch_bytes_neon(void);

#if defined(__x86_64__)

static bool has_avx2(void)
{
	/* F16C comes with every CPU that has AVX2; clang 14 cannot ask for it. */
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool has_avx512(void)
{
	return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

static bool has_avx512bf16(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni");
}

/* CPUID 7.0 EDX: AMX-BF16 22, AMX-TILE 24. Linux lends the tile registers (XTILEDATA, component 18) to a process that asks. */
static bool has_amxbf16(void)
{
	enum { ARCH_REQ_XCOMP_PERM = 0x1023, XTILEDATA = 18, AMX = 1 << 22 | 1 << 24 };
	unsigned a, b, c, d;
	return has_avx512bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & AMX) == AMX &&
		!syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA);
}

#endif

static bool is_everywhere(void)
{
	return true;
}

static size_t no_scratch(void)
{
	return 1;
}

/* Best first, but for one: kern_available. */
static const struct path {
	const struct kern *table;
	bool (*present)(void);
	size_t (*gemm_scratch_bytes)(void), (*attention_scratch_bytes)(void);
} paths[] = {
#if defined(__x86_64__)
	{&kern_amxbf16, has_amxbf16, gemm_scratch_bytes_amxbf16, attention_scratch_bytes_amxbf16},
	{&kern_avx512bf16, has_avx512bf16, gemm_scratch_bytes_avx512bf16, attention_scratch_bytes_avx512bf16},
	{&kern_avx512, has_avx512, gemm_scratch_bytes_avx512, attention_scratch_bytes_avx512},
	{&kern_avx2, has_avx2, gemm_scratch_bytes_avx2, attention_scratch_bytes_avx2},
#endif
#if defined(__aarch64__)
	{&kern_neon, is_everywhere, gemm_scratch_bytes_neon, attention_scratch_bytes_neon},
#endif
	{&kern_ref, is_everywhere, no_scratch, no_scratch},
};

enum { PATHS = sizeof(paths) / sizeof(paths[0]) };

/* Is b the better one nevertheless? Intel's cores need two cycles for a VDPBF16PS and half a one for an FMA, Zen 4's one for either (docs/speed.md). */
static bool goes_before(const struct kern *b, const struct kern *a)
{
#if defined(__x86_64__)
	return b == &kern_avx512 && a == &kern_avx512bf16 && __builtin_cpu_is("intel");
#else
	return a == b;
#endif
}

const struct kern *const *kern_available(void)
{
	static const struct kern *present[PATHS + 1];
	size_t n = 0;
	for (size_t i = 0; i < PATHS; i++) {
		if (!paths[i].present())
			continue;
		present[n] = paths[i].table;
		if (n && goes_before(paths[i].table, present[n - 1])) {
			present[n] = present[n - 1];
			present[n - 1] = paths[i].table;
		}
		n++;
	}
	return present;
}

size_t kern_scratch_bytes(void)
{
	for (size_t i = 0; i < PATHS; i++) {
		if (paths[i].table == kern) {
			size_t g = paths[i].gemm_scratch_bytes(), a = paths[i].attention_scratch_bytes();
			return g > a ? g : a;
		}
	}
	return 0;
}

int kern_init(const char *name, struct err *e)
{
	const struct kern *const *present = kern_available();
	char list[128] = "";
	if (!name)
		name = getenv("ATTUNE_CPU");
	for (size_t i = 0; present[i]; i++) {
		if (!name || !strcmp(name, present[i]->name)) {
			kern = present[i];
			return 0;
		}
		strncat(list, i ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, present[i]->name, sizeof(list) - strlen(list) - 1);
	}
	return err_set(
		e, ERR_USAGE, "ATTUNE_CPU: kernel path '%s' is not present here; choose one of %s, or leave it unset", name, list);
}

const char *kern_cpu_features(void)
{
	static char text[256];
	size_t n = 0;
	text[0] = 0;
#if defined(__x86_64__)
#define FEATURE(name)                     \
	if (__builtin_cpu_supports(name)) \
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s" name, n ? " " : "");
	FEATURE("avx2")
	FEATURE("fma")
	FEATURE("avx512f")
	FEATURE("avx512bw")
	FEATURE("avx512bf16")
	FEATURE("avx512vnni")
#undef FEATURE
	if (has_amxbf16())
		n += (size_t)snprintf(text + n, sizeof(text) - n, " amxbf16");
#endif
	(void)n;
	return text;
}
