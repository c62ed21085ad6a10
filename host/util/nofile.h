/* SPDX-License-Identifier: GPL-2.0 */
/* How many descriptors this process may have open. */
#ifndef UTIL_NOFILE_H
#define UTIL_NOFILE_H

/* As many as it is allowed to give itself; the limit that holds then. */
unsigned int nofile_raise(void);
unsigned int nofile_limit(void);

#endif
