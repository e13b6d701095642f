/* Copyright (c) 2026 wsltune contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 *
 * Stand-in for WSL's /init where it starts Windows programs. The kernel calls it for a file with the magic "MZ" as
 * /init PATH ARGV0 ARGUMENT... It picks the interop socket as WSL does (src/linux/init/util.cpp), asks it for the token
 * that the session has, keeps Linux's environment out and runs the program under wine as the one Windows user.
 * It is setuid root, for on WSL any Linux user's program runs as that Windows user.
 *
 * A distro in a virtual machine of its own (tests/laptop) has its Windows outside of it: /run/wsl-host/ssh_config says how
 * the host `windows` is reached, a machine as this one with the same drive, and the program is run in a session there.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIX "/opt/windows"
#define WINE "/usr/lib/wine/wine64"
#define LAUNCHER "C:\\Program Files\\WSL\\wslhost.exe"
#define OUTSIDE "/run/wsl-host/ssh_config"

static char drive[PATH_MAX] = "/mnt/c"; /* where the drive is mounted; said by /run/wsl-host/drive */

static void read_drive(void)
{
    FILE *file = fopen("/run/wsl-host/drive", "r");
    if (file) {
        if (fgets(drive, sizeof drive, file))
            drive[strcspn(drive, "\n")] = 0;
        fclose(file);
    }
}

/* The Windows path of a real path, or NULL where it lies on no drive. */
static char *to_windows(const char *path)
{
    size_t length = strlen(drive);
    char *result;
    if (strncmp(path, drive, length) != 0 || (path[length] != '/' && path[length] != 0))
        return NULL;
    if (asprintf(&result, "C:\\%s", path[length] ? path + length + 1 : "") < 0)
        abort();
    for (char *c = result; *c; c++)
        if (*c == '/')
            *c = '\\';
    return result;
}

static pid_t parent_of(pid_t pid)
{
    char name[64], text[512], *end;
    FILE *file;
    size_t length;
    snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
    if (!(file = fopen(name, "r")))
        return 0;
    length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = 0;
    end = strrchr(text, ')');
    return end ? atoi(end + 4) : 0;
}

/* $WSL_INTEROP when it is there, else the nearest parent's socket. */
static int find_socket(char *path, size_t size)
{
    const char *given = getenv("WSL_INTEROP");
    if (given && *given && access(given, F_OK) == 0) {
        snprintf(path, size, "%s", given);
        return 1;
    }
    for (pid_t pid = getpid(); pid > 0; pid = parent_of(pid)) {
        snprintf(path, size, "/run/WSL/%d_interop", (int)pid);
        if (access(path, F_OK) == 0)
            return 1;
    }
    return 0;
}

static char ask_for_token(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char token = 0;
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!find_socket(address.sun_path, sizeof address.sun_path)) {
        fprintf(stderr, "<3>WSL (%d) ERROR: UtilConnectToInteropServer:307: connect failed 2\n", (int)getpid());
        exit(1);
    }
    if (connect(server, (struct sockaddr *)&address, sizeof address) != 0 || read(server, &token, 1) != 1) {
        fprintf(stderr, "<3>WSL (%d) ERROR: UtilConnectToInteropServer:307: connect failed %d\n", (int)getpid(), errno);
        exit(1);
    }
    close(server);
    return token;
}

/* What WSLENV names of this environment, as NAME=VALUE; the rest of Linux's environment stays here. */
static int put_shared(char **result, int room)
{
    int count = 0;
    char *names = strdup(getenv("WSLENV") ? getenv("WSLENV") : ""), *value;
    for (char *name = strtok(names, ":"); name && count < room; name = strtok(NULL, ":")) {
        name[strcspn(name, "/")] = 0;
        if ((value = getenv(name)) && *value && asprintf(&result[count], "%s=%s", name, value) > 0)
            count++;
    }
    return count;
}

static char **windows_environment(const struct passwd *user)
{
    static char *result[256];
    int count = put_shared(result, 240);
    if (asprintf(&result[count++], "USER=%s", user->pw_name) < 0 || asprintf(&result[count++], "HOME=%s", user->pw_dir) < 0)
        abort();
    result[count++] = "WINEPREFIX=" PREFIX;
    result[count++] = "WINELOADER=" WINE;
    result[count++] = "WINEDEBUG=-all";
    result[count++] = "XDG_RUNTIME_DIR=/run/wsl-host/windows";
    result[count++] = "PATH=/usr/bin:/bin";
    result[count++] = "LANG=C.UTF-8";
    result[count] = NULL;
    return result;
}

/* One argument more for the shell at the other end. */
static void put_quoted(FILE *out, const char *word)
{
    fputs(" '", out);
    for (; *word; word++)
        fputs(*word == '\'' ? "'\\''" : (char[]){*word, 0}, out);
    fputc('\'', out);
}

static void run_outside(char token, const char *here, const char *path, char **arguments)
{
    char *command = NULL, *names, *shared[240], *environment[] = {"PATH=/usr/bin:/bin", "HOME=/root", NULL};
    size_t size;
    FILE *out = open_memstream(&command, &size);
    int count = put_shared(shared, 240);
    fputs("cd", out);
    put_quoted(out, here);
    fprintf(out, " 2>/dev/null || cd %s/windows; exec wsl-session root %s env", drive, token == 'U' ? "unelevated" : "elevated");
    if (asprintf(&names, "WSLENV=%s", getenv("WSLENV") ? getenv("WSLENV") : "") < 0)
        abort();
    put_quoted(out, names);
    for (int i = 0; i < count; i++)
        put_quoted(out, shared[i]);
    put_quoted(out, path);
    for (; *arguments; arguments++)
        put_quoted(out, *arguments);
    fclose(out);
    execve("/usr/bin/ssh", (char *[]){"ssh", "-F", OUTSIDE, "windows", command, NULL}, environment);
}

int main(int argc, char **argv)
{
    char path[PATH_MAX], here[PATH_MAX + 16], *program;
    struct stat owner = {0};
    struct passwd *user = NULL;
    char **environment = NULL, **arguments, token;
    int count = 0, status, outside = access(OUTSIDE, F_OK) == 0;
    pid_t relay = getpid(), child;

    if (argc < 3) {
        fprintf(stderr, "/init: stand-in for WSL's; the kernel calls it with the path of a Windows program\n");
        return 1;
    }
    read_drive();
    if (!realpath(argv[1], path) || !(program = to_windows(path)))
        return 1; /* as WSL: without a word */
    token = ask_for_token();
    arguments = calloc(argc + 4, sizeof *arguments);
    if (!outside) {
        if (stat(PREFIX, &owner) != 0 || !(user = getpwuid(owner.st_uid)))
            return 1;
        environment = windows_environment(user);
        arguments[count++] = WINE;
        if (token == 'U')
            arguments[count++] = LAUNCHER;
        arguments[count++] = program;
    }
    for (int i = 3; i < argc; i++)
        arguments[count++] = argv[i];
    if (!getcwd(here, PATH_MAX) || !to_windows(here))
        snprintf(here, sizeof here, "%s/windows", drive);

    child = fork();
    if (child == 0) {
        uid_t uid = outside ? 0 : user->pw_uid;
        gid_t gid = outside ? 0 : user->pw_gid;
        if (setgroups(0, NULL) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
            _exit(255);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != relay)
            _exit(255);
        umask(022);
        if (outside) {
            run_outside(token, here, path, arguments);
            _exit(255);
        }
        if (chdir(here) != 0 && chdir(PREFIX "/drive_c/windows") != 0)
            _exit(255);
        execve(WINE, arguments, environment);
        _exit(255);
    }
    /* The relay belongs to the caller, who may end it; the Windows process ends with it. */
    if (child < 0 || setuid(getuid()) != 0)
        return 255;
    prctl(PR_SET_NAME, "init");
    close(0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
