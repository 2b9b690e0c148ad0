/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit/page_scan.h"

#include <string.h>

#include "table/epte.h"

static inline uint64_t frame_of(uint64_t entry)
{
	return (entry & EMT_EPTE_MFN_BITS) >> 12;
}

static inline bool marked(const struct emt_frame_filter *f, uint64_t mfn)
{
	uint64_t g = mfn >> f->shift;

	return mfn >= f->frames || (f->bits[g >> 6] >> (g & 63) & 1);
}

static bool plain_within(const uint64_t *entries, unsigned int n, uint64_t lo, uint64_t hi)
{
	uint64_t outside = 0, span = hi - lo;

	for (unsigned int i = 0; i < n; i++)
		outside |= frame_of(entries[i]) - lo >= span;
	return !outside;
}

static unsigned int plain_frames(const uint64_t *entries, unsigned int n, const struct emt_frame_filter *f,
				 uint64_t *odd)
{
	unsigned int count = 0;

	for (unsigned int w = 0; w * 64 < n; w++) {
		uint64_t mask = 0;

		for (unsigned int i = 0; i < 64 && w * 64 + i < n; i++)
			mask |= (uint64_t)marked(f, frame_of(entries[w * 64 + i])) << i;
		odd[w] = mask;
		count += (unsigned int)__builtin_popcountll(mask);
	}
	return count;
}

static bool plain_differ(const uint64_t *entries, unsigned int from, unsigned int to, uint64_t first, uint64_t attr)
{
	uint64_t any = 0;

	for (unsigned int i = from; i < to; i++)
		any |= entries[i] ^ first;
	return any & attr;
}

const struct emt_page_scans emt_page_plain = { "plain", plain_within, plain_frames, plain_differ };

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2")))

AVX2 static bool avx2_within(const uint64_t *entries, unsigned int n, uint64_t lo, uint64_t hi)
{
	const __m256i bits = _mm256_set1_epi64x((long long)EMT_EPTE_MFN_BITS);
	const __m256i below = _mm256_set1_epi64x((long long)(lo << 12)), last = _mm256_set1_epi64x((long long)((hi - 1) << 12));
	__m256i outside = _mm256_setzero_si256();
	unsigned int i = 0;

	for (; i + 8 <= n; i += 8) {
		/* scattered frames show at once */
		if (!(i & 63) && !_mm256_testz_si256(outside, outside))
			return false;
		__m256i x = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)&entries[i]), bits);
		__m256i y = _mm256_and_si256(_mm256_loadu_si256((const __m256i *)(const void *)&entries[i + 4]), bits);

		outside = _mm256_or_si256(outside, _mm256_or_si256(_mm256_cmpgt_epi64(below, x), _mm256_cmpgt_epi64(x, last)));
		outside = _mm256_or_si256(outside, _mm256_or_si256(_mm256_cmpgt_epi64(below, y), _mm256_cmpgt_epi64(y, last)));
	}
	return _mm256_testz_si256(outside, outside) && plain_within(entries + i, n - i, lo, hi);
}

AVX2 static unsigned int avx2_frames(const uint64_t *entries, unsigned int n, const struct emt_frame_filter *f,
				     uint64_t *odd)
{
	const __m256i bits = _mm256_set1_epi64x((long long)(EMT_EPTE_MFN_BITS >> 12));
	const __m256i last = _mm256_set1_epi64x((long long)f->frames - 1), low5 = _mm256_set1_epi64x(31);
	const __m256i one = _mm256_set1_epi64x(1);
	const __m128i shift = _mm_cvtsi32_si128((int)f->shift);
	unsigned int i = 0, count = 0;

	if (n & 3 || n > EMT_PAGE_ENTRIES)
		return plain_frames(entries, n, f, odd);
	memset(odd, 0, EMT_PAGE_WORDS * sizeof(*odd));
	for (; i < n; i += 4) {
		__m256i x = _mm256_loadu_si256((const __m256i *)(const void *)&entries[i]);
		__m256i mfn = _mm256_and_si256(_mm256_srli_epi64(x, 12), bits);
		__m256i over = _mm256_cmpgt_epi64(mfn, last);
		/* beyond the filter: look at group 0 instead, it is odd anyway */
		__m256i g = _mm256_srl_epi64(_mm256_andnot_si256(over, mfn), shift);
		__m128i words = _mm256_i64gather_epi32((const int *)(const void *)f->bits, _mm256_srli_epi64(g, 5), 4);
		__m256i bit = _mm256_srlv_epi64(_mm256_cvtepu32_epi64(words), _mm256_and_si256(g, low5));
		__m256i bad = _mm256_or_si256(over, _mm256_cmpeq_epi64(_mm256_and_si256(bit, one), one));
		unsigned int m = (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(bad));

		odd[i >> 6] |= (uint64_t)m << (i & 63);
		count += (unsigned int)__builtin_popcount(m);
	}
	return count;
}

AVX2 static bool avx2_differ(const uint64_t *entries, unsigned int from, unsigned int to, uint64_t first,
			     uint64_t attr)
{
	const __m256i vfirst = _mm256_set1_epi64x((long long)first), vattr = _mm256_set1_epi64x((long long)attr);
	__m256i any = _mm256_setzero_si256();
	unsigned int i = from;

	for (; i + 8 <= to; i += 8) {
		any = _mm256_or_si256(any, _mm256_xor_si256(vfirst, _mm256_loadu_si256((const __m256i *)(const void *)&entries[i])));
		any = _mm256_or_si256(any, _mm256_xor_si256(vfirst, _mm256_loadu_si256((const __m256i *)(const void *)&entries[i + 4])));
	}
	return !_mm256_testz_si256(any, vattr) || plain_differ(entries, i, to, first, attr);
}

AVX512 static unsigned int avx512_frames(const uint64_t *entries, unsigned int n, const struct emt_frame_filter *f,
					 uint64_t *odd)
{
	const __m512i bits = _mm512_set1_epi64((long long)(EMT_EPTE_MFN_BITS >> 12));
	const __m512i end = _mm512_set1_epi64((long long)f->frames);
	const __m256i low5 = _mm256_set1_epi32(31), one = _mm256_set1_epi32(1);
	const __m128i shift = _mm_cvtsi32_si128((int)f->shift);
	unsigned int count = 0;

	if (n & 15 || n > EMT_PAGE_ENTRIES)
		return avx2_frames(entries, n, f, odd);
	memset(odd, 0, EMT_PAGE_WORDS * sizeof(*odd));
	for (unsigned int i = 0; i < n; i += 16) {
		__m512i x = _mm512_and_si512(_mm512_srli_epi64(_mm512_loadu_si512(&entries[i]), 12), bits);
		__m512i y = _mm512_and_si512(_mm512_srli_epi64(_mm512_loadu_si512(&entries[i + 8]), 12), bits);
		__mmask8 in_x = _mm512_cmplt_epu64_mask(x, end), in_y = _mm512_cmplt_epu64_mask(y, end);
		/* group numbers fit 32 bits; beyond the filter: group 0, it is odd anyway */
		__m256i gx = _mm512_maskz_cvtepi64_epi32(in_x, _mm512_srl_epi64(x, shift));
		__m256i gy = _mm512_maskz_cvtepi64_epi32(in_y, _mm512_srl_epi64(y, shift));
		__m256i wx = _mm256_i32gather_epi32((const int *)(const void *)f->bits, _mm256_srli_epi32(gx, 5), 4);
		__m256i wy = _mm256_i32gather_epi32((const int *)(const void *)f->bits, _mm256_srli_epi32(gy, 5), 4);
		unsigned int mx = _mm256_test_epi32_mask(_mm256_srlv_epi32(wx, _mm256_and_si256(gx, low5)), one);
		unsigned int my = _mm256_test_epi32_mask(_mm256_srlv_epi32(wy, _mm256_and_si256(gy, low5)), one);
		unsigned int m = (mx | (uint8_t)~in_x) | (my | (uint8_t)~in_y) << 8;

		odd[i >> 6] |= (uint64_t)m << (i & 63);
		count += (unsigned int)__builtin_popcount(m);
	}
	return count;
}

static const struct emt_page_scans scans_avx2 = { "avx2", avx2_within, avx2_frames, avx2_differ };
static const struct emt_page_scans scans_avx512 = { "avx512", avx2_within, avx512_frames, avx2_differ };

const struct emt_page_scans *emt_page_vector(void)
{
	if (!__builtin_cpu_supports("avx2"))
		return NULL;
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	    __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
		return &scans_avx512;
	return &scans_avx2;
}
#else
const struct emt_page_scans *emt_page_vector(void)
{
	return NULL;
}
#endif
