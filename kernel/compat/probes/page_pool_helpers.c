// SPDX-License-Identifier: GPL-2.0
/* 6.6, a9ca9f9ceff3: page pools have a header for their helpers */
#include <net/page_pool/helpers.h>
