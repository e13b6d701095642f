/* Copyright (c) 2026 wsltune contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 *
 * A folder shown as a drive on which every operation takes a set time: slow_drive SOURCE MOUNTPOINT LATENCY_US [-o OPTIONS]
 *
 * Nothing is cached but pages that are mapped or held open, as with 9p's cache=mmap: a stat of a/b costs what two look-ups
 * and the attributes cost. The drive's root has three extended attributes:
 *   user.slow_drive.latency_us  the time of an operation from its arrival to its answer; may be set at any moment
 *   user.slow_drive.operations  the number of operations answered
 *   user.slow_drive.waited_us   the time that they took altogether
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static int root;
static atomic_long latency_ns;
static atomic_long operations;
static atomic_long waited_ns;

static const char ATTRIBUTES[] = "user.slow_drive.latency_us\0user.slow_drive.operations\0user.slow_drive.waited_us";

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

/* The answer is held back until the set time is over, the work itself included. */
static long answer(long begin, long result)
{
	long due = begin + atomic_load(&latency_ns);
	struct timespec until = {due / 1000000000L, due % 1000000000L};

	while (now_ns() < due)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	atomic_fetch_add(&operations, 1);
	atomic_fetch_add(&waited_ns, now_ns() - begin);
	return result;
}

#define ANSWER(work)                                         \
	do {                                                     \
		long begin = now_ns();                               \
		long result = (work);                                \
		return answer(begin, result == -1 ? -errno : result); \
	} while (0)

static const char *below(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static void *drive_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
	(void)conn;
	config->use_ino = 1;
	config->nullpath_ok = 1;
	config->entry_timeout = 0;
	config->attr_timeout = 0;
	config->negative_timeout = 0;
	return NULL;
}

static int drive_getattr(const char *path, struct stat *status, struct fuse_file_info *file)
{
	if (file)
		ANSWER(fstat(file->fh, status));
	ANSWER(fstatat(root, below(path), status, AT_SYMLINK_NOFOLLOW));
}

static int drive_readlink(const char *path, char *target, size_t size)
{
	long begin = now_ns();
	ssize_t length = readlinkat(root, below(path), target, size - 1);

	if (length < 0)
		return answer(begin, -errno);
	target[length] = '\0';
	return answer(begin, 0);
}

/* Root serves, and what a user makes belongs to that user. */
static int own(const char *path, int result)
{
	struct fuse_context *context = fuse_get_context();
	int error = errno;

	if (result != -1 && context->uid != 0 &&
	    fchownat(root, below(path), context->uid, context->gid, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	errno = error;
	return result;
}

static int drive_mknod(const char *path, mode_t mode, dev_t device)
{
	ANSWER(own(path, mknodat(root, below(path), mode, device)));
}

static int drive_mkdir(const char *path, mode_t mode)
{
	ANSWER(own(path, mkdirat(root, below(path), mode)));
}

static int drive_symlink(const char *target, const char *path)
{
	ANSWER(own(path, symlinkat(target, root, below(path))));
}

static int drive_unlink(const char *path)
{
	ANSWER(unlinkat(root, below(path), 0));
}

static int drive_rmdir(const char *path)
{
	ANSWER(unlinkat(root, below(path), AT_REMOVEDIR));
}

static int drive_rename(const char *from, const char *to, unsigned int flags)
{
	ANSWER(renameat2(root, below(from), root, below(to), flags));
}

static int drive_link(const char *from, const char *to)
{
	ANSWER(linkat(root, below(from), root, below(to), 0));
}

static int drive_chmod(const char *path, mode_t mode, struct fuse_file_info *file)
{
	if (file)
		ANSWER(fchmod(file->fh, mode));
	ANSWER(fchmodat(root, below(path), mode, 0));
}

static int drive_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *file)
{
	if (file)
		ANSWER(fchown(file->fh, uid, gid));
	ANSWER(fchownat(root, below(path), uid, gid, AT_SYMLINK_NOFOLLOW));
}

static int drive_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
	long begin = now_ns();
	int fd, result;

	if (file)
		return answer(begin, ftruncate(file->fh, size) == -1 ? -errno : 0);
	fd = openat(root, below(path), O_WRONLY | O_NOFOLLOW);
	if (fd < 0)
		return answer(begin, -errno);
	result = ftruncate(fd, size) == -1 ? -errno : 0;
	close(fd);
	return answer(begin, result);
}

static int drive_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *file)
{
	if (file)
		ANSWER(futimens(file->fh, times));
	ANSWER(utimensat(root, below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int drive_create(const char *path, mode_t mode, struct fuse_file_info *file)
{
	long begin = now_ns();
	int fd = own(path, openat(root, below(path), file->flags & ~O_EXCL & ~O_APPEND, mode));

	if (fd < 0)
		return answer(begin, -errno);
	file->fh = fd;
	return answer(begin, 0);
}

static int drive_open(const char *path, struct fuse_file_info *file)
{
	long begin = now_ns();
	/* The kernel appends by itself and may read pages of a file opened for writing. */
	int flags = file->flags & ~(O_APPEND | O_EXCL | O_CREAT | O_NOFOLLOW);
	int fd;

	if ((flags & O_ACCMODE) == O_WRONLY)
		flags = (flags & ~O_ACCMODE) | O_RDWR;
	fd = openat(root, below(path), flags);
	if (fd < 0)
		return answer(begin, -errno);
	file->fh = fd;
	return answer(begin, 0);
}

static int drive_read(const char *path, char *data, size_t size, off_t offset, struct fuse_file_info *file)
{
	(void)path;
	ANSWER(pread(file->fh, data, size, offset));
}

static int drive_write(const char *path, const char *data, size_t size, off_t offset, struct fuse_file_info *file)
{
	(void)path;
	ANSWER(pwrite(file->fh, data, size, offset));
}

static int drive_statfs(const char *path, struct statvfs *status)
{
	(void)path;
	ANSWER(fstatvfs(root, status));
}

static int drive_release(const char *path, struct fuse_file_info *file)
{
	(void)path;
	ANSWER(close(file->fh));
}

static int drive_fsync(const char *path, int data_only, struct fuse_file_info *file)
{
	(void)path;
	ANSWER(data_only ? fdatasync(file->fh) : fsync(file->fh));
}

static int drive_fallocate(const char *path, int mode, off_t offset, off_t length, struct fuse_file_info *file)
{
	(void)path;
	ANSWER(fallocate(file->fh, mode, offset, length));
}

static int drive_opendir(const char *path, struct fuse_file_info *file)
{
	long begin = now_ns();
	int fd = openat(root, below(path), O_RDONLY | O_DIRECTORY);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (!directory)
		return answer(begin, -errno);
	file->fh = (unsigned long)directory;
	return answer(begin, 0);
}

static int drive_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *file,
			 enum fuse_readdir_flags flags)
{
	DIR *directory = (DIR *)(unsigned long)file->fh;
	long begin = now_ns();
	struct dirent *entry;

	(void)path, (void)flags;
	seekdir(directory, offset);
	while ((entry = readdir(directory))) {
		struct stat status = {.st_ino = entry->d_ino, .st_mode = entry->d_type << 12};

		if (fill(buffer, entry->d_name, &status, telldir(directory), 0))
			break;
	}
	return answer(begin, 0);
}

static int drive_releasedir(const char *path, struct fuse_file_info *file)
{
	(void)path;
	ANSWER(closedir((DIR *)(unsigned long)file->fh));
}

/* A control, not an operation of the drive: neither held back nor counted. */
static int drive_setxattr(const char *path, const char *name, const char *value, size_t size, int flags)
{
	char text[24] = "";
	char *end;
	long wanted;

	(void)flags;
	if (strcmp(path, "/") || strcmp(name, "user.slow_drive.latency_us"))
		return -ENOTSUP;
	if (size == 0 || size >= sizeof(text))
		return -EINVAL;
	memcpy(text, value, size);
	wanted = strtol(text, &end, 10);
	if (*end || wanted < 0 || wanted > 10000000)
		return -EINVAL;
	atomic_store(&latency_ns, wanted * 1000);
	return 0;
}

static int drive_getxattr(const char *path, const char *name, char *value, size_t size)
{
	char text[24];
	long number;
	int length;

	if (strcmp(path, "/"))
		return -ENODATA;
	if (!strcmp(name, "user.slow_drive.latency_us"))
		number = atomic_load(&latency_ns) / 1000;
	else if (!strcmp(name, "user.slow_drive.operations"))
		number = atomic_load(&operations);
	else if (!strcmp(name, "user.slow_drive.waited_us"))
		number = atomic_load(&waited_ns) / 1000;
	else
		return -ENODATA;
	length = snprintf(text, sizeof(text), "%ld", number);
	if (size == 0)
		return length;
	if (size < (size_t)length)
		return -ERANGE;
	memcpy(value, text, length);
	return length;
}

static int drive_listxattr(const char *path, char *list, size_t size)
{
	if (strcmp(path, "/"))
		return 0;
	if (size == 0)
		return sizeof(ATTRIBUTES);
	if (size < sizeof(ATTRIBUTES))
		return -ERANGE;
	memcpy(list, ATTRIBUTES, sizeof(ATTRIBUTES));
	return sizeof(ATTRIBUTES);
}

static const struct fuse_operations drive = {
	.init = drive_init,
	.getattr = drive_getattr,
	.readlink = drive_readlink,
	.mknod = drive_mknod,
	.mkdir = drive_mkdir,
	.symlink = drive_symlink,
	.unlink = drive_unlink,
	.rmdir = drive_rmdir,
	.rename = drive_rename,
	.link = drive_link,
	.chmod = drive_chmod,
	.chown = drive_chown,
	.truncate = drive_truncate,
	.utimens = drive_utimens,
	.create = drive_create,
	.open = drive_open,
	.read = drive_read,
	.write = drive_write,
	.statfs = drive_statfs,
	.release = drive_release,
	.fsync = drive_fsync,
	.fallocate = drive_fallocate,
	.opendir = drive_opendir,
	.readdir = drive_readdir,
	.releasedir = drive_releasedir,
	.setxattr = drive_setxattr,
	.getxattr = drive_getxattr,
	.listxattr = drive_listxattr,
};

int main(int argc, char *argv[])
{
	char *end;
	long wanted;

	if (argc < 4) {
		fprintf(stderr, "usage: slow_drive SOURCE MOUNTPOINT LATENCY_US [-o OPTIONS]\n");
		return 2;
	}
	wanted = strtol(argv[3], &end, 10);
	if (end == argv[3] || *end || wanted < 0 || wanted > 10000000) {
		fprintf(stderr, "slow_drive: the latency is %s: give microseconds, 0 to 10000000\n", argv[3]);
		return 2;
	}
	atomic_store(&latency_ns, wanted * 1000);
	root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0) {
		perror(argv[1]);
		return 1;
	}
	umask(0);
	/* Threads inherit it: without it a sleep is up to 50 us too long. */
	prctl(PR_SET_TIMERSLACK, 1);
	argv[3] = "-oallow_other,default_permissions,subtype=slow_drive";
	memmove(argv + 1, argv + 2, (argc - 1) * sizeof(*argv));
	return fuse_main(argc - 1, argv, &drive, NULL);
}
