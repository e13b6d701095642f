/* Copyright (c) 2026 wsltune contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 *
 * Stand-in for a 9p mount of WSL's, which this machine's kernel does not have: preloaded by /etc/ld.so.preload, it shows
 * the bind mount of the Windows drive in a mount table as WSL's kernel shows it. The rest of the table is the kernel's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define OPTIONS "rw,aname=drvfs;path=C:\\;uid=1000;gid=1000;symlinkroot=/mnt/,cache=0x5,access=client,msize=65536,trans=fd,rfd=7,wfd=7"

typedef int open_function(const char *, int, ...);
typedef int openat_function(int, const char *, int, ...);
typedef FILE *fopen_function(const char *, const char *);

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* systemd watches the kernel's own file, which a copy cannot be. */
static int concerns(const char *path, int flags)
{
    size_t length = path ? strlen(path) : 0;
    if (length < 12 || strncmp(path, "/proc/", 6) != 0 || (flags & O_ACCMODE) != O_RDONLY || (flags & O_PATH))
        return 0;
    if (strcmp(path + length - 10, "/mountinfo") != 0 && strcmp(path + length - 7, "/mounts") != 0)
        return 0;
    return strncmp(program_invocation_short_name, "systemd", 7) != 0 && strcmp(program_invocation_short_name, "(systemd)") != 0;
}

static void put_line(FILE *out, char *line, const char *drive, int info)
{
    char copy[4096], *field, *state = NULL;
    int wanted = info ? 5 : 2, number = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (field = strtok_r(copy, " ", &state); field && ++number < wanted; field = strtok_r(NULL, " ", &state))
        ;
    if (!field || strcmp(field, drive) != 0) {
        fputs(line, out);
        return;
    }
    if (info) {
        char id[32], parent[32], device[32];
        if (sscanf(line, "%31s %31s %31s", id, parent, device) == 3)
            fprintf(out, "%s %s 0:70 / %s rw,noatime - 9p C:\\134 %s\n", id, parent, drive, OPTIONS);
        return;
    }
    fprintf(out, "C:\\134 %s 9p %s,noatime 0 0\n", drive, OPTIONS);
}

/* A copy of the table in memory, or the descriptor itself where there is nothing to show otherwise. */
static int shown(int table, const char *path)
{
    char drive[1024] = "", *line = NULL;
    size_t size = 0;
    int info = strstr(path, "mountinfo") != NULL, copy;
    FILE *in, *out, *said;
    if (table < 0 || !(said = ((fopen_function *)next("fopen"))("/run/wsl-host/drive", "r")))
        return table;
    if (fgets(drive, sizeof drive, said))
        drive[strcspn(drive, "\n")] = 0;
    fclose(said);
    copy = memfd_create("mounts", MFD_CLOEXEC);
    if (copy < 0 || !(in = fdopen(dup(table), "r")) || !(out = fdopen(dup(copy), "w")))
        return table;
    while (getline(&line, &size, in) > 0)
        put_line(out, line, drive, info);
    free(line);
    fclose(in);
    fclose(out);
    lseek(copy, 0, SEEK_SET);
    close(table);
    return copy;
}

#define MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { \
        va_list list; \
        va_start(list, last); \
        mode = va_arg(list, mode_t); \
        va_end(list); \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags, flags)
    int file = ((open_function *)next("open"))(path, flags, mode);
    return concerns(path, flags) ? shown(file, path) : file;
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, flags)
    int file = ((open_function *)next("open64"))(path, flags, mode);
    return concerns(path, flags) ? shown(file, path) : file;
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE(flags, flags)
    int file = ((openat_function *)next("openat"))(folder, path, flags, mode);
    return concerns(path, flags) ? shown(file, path) : file;
}

int openat64(int folder, const char *path, int flags, ...)
{
    MODE(flags, flags)
    int file = ((openat_function *)next("openat64"))(folder, path, flags, mode);
    return concerns(path, flags) ? shown(file, path) : file;
}

static FILE *opened(const char *name, const char *path, const char *mode)
{
    if (concerns(path, mode[0] == 'r' && !strchr(mode, '+') ? O_RDONLY : O_RDWR)) {
        int file = shown(((open_function *)next("open64"))(path, O_RDONLY | O_CLOEXEC), path);
        return file < 0 ? NULL : fdopen(file, "r");
    }
    return ((fopen_function *)next(name))(path, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    return opened("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
    return opened("fopen64", path, mode);
}
