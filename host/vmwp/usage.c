// SPDX-License-Identifier: GPL-2.0
#include "options.h"

const char *options_usage(void)
{
	return "usage: vmwp --kernel FILE [OPTION]...\n"
	       "Runs one child partition (virtual machine) on KVM.\n"
	       "\n"
	       "  --kernel FILE         a Linux bzImage\n"
	       "  --initrd FILE         its initial RAM disk\n"
	       "  --cmdline STRING      its command line\n"
	       "  --memory SIZE         with suffix K, M, G; 64M or more (512M)\n"
	       "  --processors N        1 to 64 (1)\n"
	       "  --scsi file=PATH[,format=raw|null][,readonly=on|off][,direct=on|off]\n"
	       "         [,size=SIZE][,controller=N][,lun=N]\n"
	       "                        a disk; may be given again\n"
	       "  --serial stdio|none|file=PATH|unix=PATH\n"
	       "                        first COM1 (stdio), second COM2 (absent)\n"
	       "  --control PATH        a socket for hvctl\n"
	       "  --stats FILE          writes counters there at the end, as JSON\n"
	       "  --vmbus-version X.Y   offers the child no newer VMBus protocol\n"
	       "  --fault scsiC:L:SPEC  makes a disk fail (disk:SPEC: all disks);\n"
	       "                        SPEC: op=read|write|flush|discard|any,err=EIO|...|hang\n"
	       "                        [,after=N][,count=N][,every=N][,from=SECTOR][,to=SECTOR]\n"
	       "  --no-reboot           ends when the child resets itself\n"
	       "  --name NAME           disks' serial numbers derive from it (child)\n"
	       "  --log-level error|warning|info|debug\n"
	       "  --help, --version\n"
	       "\n"
	       "On a terminal, Ctrl-A x ends vmwp.\n"
	       "Exit status: 0 powered off, 1 set-up failed, 2 the child crashed,\n"
	       "3 it was reset under --no-reboot, 4 internal error.\n";
}
