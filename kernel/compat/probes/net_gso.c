// SPDX-License-Identifier: GPL-2.0
/* 6.5, d457a0e329b0: segmentation has a header of its own */
#include <net/gso.h>
