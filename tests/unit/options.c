// SPDX-License-Identifier: GPL-2.0
/*
 * vmwp's command line: what is taken, what is refused and in which words.
 *
 * links: vmwp backend util
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "hv/vmbus_reg.h"
#include "util/size.h"
#include "util/suggest.h"
#include "vmwp/options.h"

static struct options opt;
static char why[512];

/* The words of `line`, cut at blanks; --kernel k is put before them. */
static int parse_raw(const char *line)
{
	static char copy[4096];
	char *argv[300] = { "vmwp" }, *save, *word;
	int argc = 1;

	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	memset(why, 0, sizeof(why));
	return options_parse(argc, argv, &opt, why, sizeof(why));
}

static int parse(const char *line)
{
	char full[4096];

	snprintf(full, sizeof(full), "--kernel k %s", line);
	return parse_raw(full);
}

#define TAKEN(line) assert_int_equal(parse(line), 0)

static void refused(const char *line, const char *part)
{
	int err = parse(line);

	if (!err || !strstr(why, part) || strchr(why, '\n'))
		fail_msg("'%s' gave %d '%s', not '%s'", line, err, why, part);
	options_free(&opt);
}

static void test_defaults(void **state)
{
	(void)state;
	TAKEN("");
	assert_string_equal(opt.kernel, "k");
	assert_null(opt.initrd);
	assert_string_equal(opt.cmdline, "");
	assert_int_equal(opt.memory, 512ull << 20);
	assert_int_equal(opt.processors, 1);
	assert_int_equal(opt.nodes, 1);
	assert_int_equal(opt.nscsi, 0);
	assert_string_equal(opt.serial[0], "stdio");
	assert_null(opt.serial[1]);
	assert_int_equal(opt.vmbus_version, 0);
	assert_false(opt.no_reboot);
	options_free(&opt);
}

static void test_values(void **state)
{
	(void)state;
	TAKEN("--initrd i --cmdline=console=ttyS0 --memory 2G --processors 64 --serial none "
	      "--serial unix=/s --control /c --stats s --vmbus-version 4.1 --no-reboot "
	      "--name a.b-c_1 --log-level debug");
	assert_string_equal(opt.initrd, "i");
	assert_string_equal(opt.cmdline, "console=ttyS0");
	assert_int_equal(opt.memory, 2ull << 30);
	assert_int_equal(opt.processors, 64);
	assert_string_equal(opt.serial[0], "none");
	assert_string_equal(opt.serial[1], "unix=/s");
	assert_string_equal(opt.control, "/c");
	assert_string_equal(opt.stats, "s");
	assert_int_equal(opt.vmbus_version, VMB_VERSION_4_1);
	assert_true(opt.no_reboot);
	assert_string_equal(opt.name, "a.b-c_1");
	assert_int_equal(opt.log_level, LOG_LEVEL_DEBUG);
	options_free(&opt);

	TAKEN("--numa 4 --processors 8 --memory 256M");
	assert_int_equal(opt.nodes, 4);
	TAKEN("--processors 64 --numa=64 --memory 4G");
	assert_int_equal(opt.nodes, 64);
	options_free(&opt);

	assert_int_equal(parse_raw("--help"), 0);
	assert_true(opt.help);
	assert_int_equal(parse_raw("-h"), 0);
	assert_true(opt.help);
	assert_int_equal(parse_raw("--version"), 0);
	assert_true(opt.version);
	assert_non_null(strstr(options_usage(), "--fault"));
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_not_equal(parse_raw(""), 0);
	assert_non_null(strstr(why, "--kernel FILE"));
	refused("--memry 1G", "did you mean --memory?");
	refused("--procesors=2", "did you mean --processors?");
	refused("--no-rebot", "did you mean --no-reboot?");
	refused("--kernle x", "did you mean --kernel?");
	refused("--nett user", "did you mean --net?");
	refused("--zzzzzzzz", "vmwp --help");
	refused("stray", "'stray' is no option");
	refused("-m 5", "'-m' is no option");
	refused("--", "is no option");
	refused("--no-reboot=on", "takes no value");
	refused("--memory", "needs a value");
	refused("--kernel=", "needs a file name");
	refused("--memory 63M", "too little");
	refused("--memory 1048576", "too little");
	refused("--memory 2T", "too much");
	refused("--memory 65537K", "multiple of 1M");
	refused("--memory -1G", "is no size");
	refused("--memory 1GB", "is no size");
	refused("--memory 99999999999999999999", "is no size");
	refused("--memory 99999999999G", "is no size");
	refused("--processors 0", "1 to 64");
	refused("--processors 65", "1 to 64");
	refused("--processors two", "1 to 64");
	refused("--numa 0", "1 to 64");
	refused("--numa 65 --processors 64", "1 to 64");
	refused("--numa many", "1 to 64");
	refused("--numa 2", "--processors a multiple of 2");
	refused("--numa 4 --processors 6", "--processors a multiple of 4");
	refused("--processors 8 --numa 4 --memory 255M", "--memory 256M");
	refused("--nuam 2 --processors 2", "did you mean --numa?");
	refused("--vmbus-version 5.4", "use 2.4");
	refused("--serial tcp", "use stdio");
	refused("--serial file=", "use stdio");
	refused("--serial none --serial none --serial none", "COM1 and COM2");
	refused("--serial stdio --serial stdio", "both serial ports");
	refused("--name a/b", "letters, digits");
	refused("--name=", "letters, digits");
	refused("--log-level loud", "use error");
	refused("--control "
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"107 bytes");
}

static void test_scsi(void **state)
{
	(void)state;
	TAKEN("--scsi file=/a --scsi file=/b,,c=d,readonly=on,direct=on,controller=3,lun=63 "
	      "--scsi format=null,size=64G --scsi file=x,format=raw,readonly=off");
	assert_int_equal(opt.nscsi, 4);
	assert_string_equal(opt.scsi[0].path, "/a");
	assert_null(opt.scsi[0].format);
	assert_int_equal(opt.scsi[0].lun, -1);
	assert_int_equal(opt.scsi[0].controller, 0);
	assert_string_equal(opt.scsi[1].path, "/b,c=d");
	assert_true(opt.scsi[1].readonly);
	assert_true(opt.scsi[1].direct);
	assert_int_equal(opt.scsi[1].controller, 3);
	assert_int_equal(opt.scsi[1].lun, 63);
	assert_string_equal(opt.scsi[2].format, "null");
	assert_int_equal(opt.scsi[2].size, 64ull << 30);
	assert_false(opt.scsi[3].readonly);
	options_free(&opt);

	TAKEN("--scsi file=a,lun=1 --scsi file=b,lun=1,controller=1");
	options_free(&opt);

	TAKEN("--scsi file=a,serial=0123456789ABCDEF0123456789abcdef --scsi file=b");
	assert_string_equal(opt.scsi[0].serial,
			    "0123456789abcdef0123456789abcdef");
	assert_string_equal(opt.scsi[1].serial, "");
	options_free(&opt);

	refused("--scsi /path", "begin with file=PATH");
	refused("--scsi file=a,", "is not KEY=VALUE");
	refused("--scsi file=", "file= needs a path");
	refused("--scsi readonly=on", "needs file=PATH");
	refused("--scsi file=a,readonly=yes", "readonly=on or readonly=off");
	refused("--scsi file=a,direct=1", "direct=on or direct=off");
	refused("--scsi file=a,format=qcow2", "format=raw or format=null");
	refused("--scsi file=a,lun=64", "0 to 63");
	refused("--scsi file=a,lun=-1", "0 to 63");
	refused("--scsi file=a,serial=12", "32 hexadecimal digits");
	refused("--scsi file=a,serial=0123456789abcdef0123456789abcdeg",
		"32 hexadecimal digits");
	refused("--scsi file=a,controller=4", "0 to 3");
	refused("--scsi file=a,size=1G", "format=null only");
	refused("--scsi format=null", "needs size=SIZE");
	refused("--scsi format=null,size=100", "multiple of 4096");
	refused("--scsi format=null,size=4096,file=a", "has no file");
	refused("--scsi file=a,lun=1,lun=2", "lun= is given twice");
	refused("--scsi file=a,raedonly=on", "did you mean 'readonly='?");
	refused("--scsi file=a,cache=off", "unknown disk setting 'cache'");
	refused("--scsi file=a,lun=1 --scsi file=b,lun=1",
		"two disks with lun=1");
}

static void test_many_disks(void **state)
{
	char line[4096] = "";
	unsigned int i;

	(void)state;
	for (i = 0; i < 64; i++)
		strcat(line, "--scsi file=disk ");
	TAKEN(line);
	assert_int_equal(opt.nscsi, 64);
	options_free(&opt);
}

static void test_fault(void **state)
{
	(void)state;
	TAKEN("--fault scsi1:12:op=read,err=EIO --fault disk:op=any,err=hang");
	assert_int_equal(opt.nfaults, 2);
	assert_string_equal(opt.fault[0].fault, "disk:op=read,err=EIO");
	assert_true(fault_spec_matches(&opt.fault[0], 1, 12));
	assert_false(fault_spec_matches(&opt.fault[0], 1, 1));
	assert_false(fault_spec_matches(&opt.fault[0], 0, 12));
	assert_string_equal(opt.fault[1].fault, "disk:op=any,err=hang");
	assert_true(fault_spec_matches(&opt.fault[1], 3, 63));
	options_free(&opt);

	TAKEN("--fault scsi3:do=repeat,after=5 --fault scsi0.2:do=id --fault bus:do=type");
	assert_int_equal(opt.nfaults, 3);
	assert_true(opt.fault[0].vmbus && opt.fault[1].vmbus &&
		    opt.fault[2].vmbus);
	assert_string_equal(opt.fault[0].fault, "scsi3:do=repeat,after=5");
	assert_string_equal(opt.fault[1].fault, "scsi0.2:do=id");
	assert_string_equal(opt.fault[2].fault, "bus:do=type");
	assert_false(fault_spec_matches(&opt.fault[0], 3, 0));
	options_free(&opt);

	TAKEN("--fault net0:do=id --fault net7.3:do=repeat "
	      "--fault net:op=loss,every=5 --fault net2:op=cut "
	      "--fault net:op=delay,card=3");
	assert_int_equal(opt.nfaults, 5);
	assert_true(opt.fault[0].vmbus && opt.fault[1].vmbus);
	assert_string_equal(opt.fault[1].fault, "net7.3:do=repeat");
	assert_false(opt.fault[2].vmbus);
	assert_string_equal(opt.fault[2].fault, "net:op=loss,every=5");
	assert_true(fault_spec_matches_card(&opt.fault[2], 0));
	assert_true(fault_spec_matches_card(&opt.fault[2], 7));
	assert_false(fault_spec_matches(&opt.fault[2], 0, 0));
	assert_true(fault_spec_matches_card(&opt.fault[3], 2));
	assert_false(fault_spec_matches_card(&opt.fault[3], 0));
	assert_true(fault_spec_matches_card(&opt.fault[4], 3));
	assert_false(fault_spec_matches_card(&opt.fault[4], 2));
	assert_false(fault_spec_matches_card(&opt.fault[0], 0));
	options_free(&opt);

	refused("--fault net8:do=id", "or with bus:");
	refused("--fault net8:op=loss", "or with bus:");
	refused("--fault net0:op=los", "did you mean 'loss'?");
	refused("--fault net:op=loss,card=8", "from 0 to 7");
	refused("--fault net1:op=loss,card=2", "which of the two?");
	refused("--fault net1:", "use op=loss|");
	refused("--fault scsi4:do=id", "scsi0:do=repeat");
	refused("--fault scsi:do=id", "scsi0:do=repeat");
	refused("--fault scsi0.:do=id", "scsi0:do=repeat");
	refused("--fault do=id", "or with bus:");
	refused("--fault op=read", "begin with the disk");
	refused("--fault scsi4:0:op=read", "begin with the disk");
	refused("--fault scsi0:64:op=read", "begin with the disk");
	refused("--fault scsi0:0", "begin with the disk");
}

static void test_net(void **state)
{
	char line[400] = "";
	unsigned int i;

	(void)state;
	TAKEN("--net tap=tap0,mac=00:15:5d:00:00:01 --net user,card=5 "
	      "--net=null --capture f.pcapng");
	assert_int_equal(opt.nnets, 3);
	assert_string_equal(opt.net[0].text, "tap=tap0,mac=00:15:5d:00:00:01");
	assert_int_equal(opt.net[0].card, -1);
	assert_int_equal(opt.net[1].card, 5);
	assert_string_equal(opt.net[2].text, "null");
	assert_string_equal(opt.capture, "f.pcapng");
	options_free(&opt);

	for (i = 0; i < OPTIONS_CARDS; i++)
		strcat(line, "--net null ");
	TAKEN(line);
	options_free(&opt);
	strcat(line, "--net null ");
	refused(line, "more than 8 cards");
	refused("--net", "needs a value");
	refused("--net tap", "--net: tap= needs an interface");
	refused("--net user,card=1 --net null,card=1", "two cards with card=1");
	refused("--net usr", "--net: unknown network 'usr': did you mean");
	refused("--capture=", "--capture needs a file name");
}

static void test_size(void **state)
{
	uint64_t v;
	char buf[32];

	(void)state;
	assert_int_equal(size_parse("0", &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(size_parse("7k", &v), 0);
	assert_int_equal(v, 7168);
	assert_int_equal(size_parse("1T", &v), 0);
	assert_int_equal(v, 1ull << 40);
	assert_int_not_equal(size_parse("", &v), 0);
	assert_int_not_equal(size_parse(" 1", &v), 0);
	assert_int_not_equal(size_parse("+1", &v), 0);
	assert_int_not_equal(size_parse("1KK", &v), 0);
	assert_int_not_equal(size_parse("16777216T", &v), 0);
	assert_string_equal(size_format(512, buf, sizeof(buf)), "512 bytes");
	assert_string_equal(size_format(1536, buf, sizeof(buf)), "1.5 KiB");
	assert_string_equal(size_format(64ull << 30, buf, sizeof(buf)),
			    "64 GiB");
}

static void test_suggest(void **state)
{
	static const char *const words[] = { "state", "stats", "pause",
					     "power-off" };

	(void)state;
	assert_string_equal(suggest("stat", words, 4), "state");
	assert_string_equal(suggest("puase", words, 4), "pause");
	assert_string_equal(suggest("poweroff", words, 4), "power-off");
	assert_string_equal(suggest("pow", words, 4), "power-off");
	assert_null(suggest("xyzzy", words, 4));
	assert_null(suggest("", words, 4));
	assert_null(suggest(
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		words, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_scsi),
		cmocka_unit_test(test_many_disks),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_net),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
