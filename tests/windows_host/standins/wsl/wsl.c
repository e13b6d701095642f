/* Copyright (c) 2026 wsltune contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 *
 * A simulated wsl.exe for a Windows host without WSL, after the documentation and the source of microsoft/WSL; the file
 * wsl.exe beside this one is the same as a program of Linux.
 *
 * Its state is the INI file that WSLTUNE_WSL_STATE names, wsl.ini beside the program where that is not set:
 *
 *   [wsl]
 *   default=Ubuntu              installed=0 stands for a Windows with the command alone
 *   log=C:\calls.txt            the arguments of every call, a line each
 *   online=Debian,Arch          what --install knows by name; a new distro gets [wsl]'s service and user
 *   booted=1790000000           when the virtual machine started, %booted% in an answer; a start after --shutdown sets it
 *   [Ubuntu]                    a section for each distro
 *   running=1
 *   version=2                   state=Installing: shown instead of Running or Stopped; stuck=1: does not stop
 *   service=1                   it is this machine: wslservice.py beside this file stops and starts it, and wsl.exe waits
 *   user=alice                  its default user
 *   [exec]                      what commands in a distro say, by their first two or three words: exit code|text, \n in it
 *   /bin/cat /proc/stat=0|btime 1790000000\n
 *
 * A command without such an answer runs in a distro with service=1, by wslservice.py.
 */
#include <winsock2.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wchar.h>

static WCHAR state[MAX_PATH];
static WCHAR names[4096];

static void put(const WCHAR *text)
{
    HANDLE out = GetStdHandle(STD_OUTPUT_HANDLE);
    DWORD written;
    WCHAR utf8[4] = L"";
    GetEnvironmentVariableW(L"WSL_UTF8", utf8, 4);
    if (wcscmp(utf8, L"1") == 0) {
        static char bytes[65536];
        int length = WideCharToMultiByte(CP_UTF8, 0, text, (int)wcslen(text), bytes, sizeof bytes, NULL, NULL);
        WriteFile(out, bytes, (DWORD)length, &written, NULL);
    } else {
        WriteFile(out, text, (DWORD)(wcslen(text) * sizeof *text), &written, NULL);
    }
}

static void say(const WCHAR *text)
{
    put(text);
    put(L"\r\n");
}

static WCHAR *get(const WCHAR *section, const WCHAR *key, const WCHAR *otherwise)
{
    WCHAR *value = calloc(4096, sizeof *value);
    if (value == NULL)
        exit(1);
    GetPrivateProfileStringW(section, key, otherwise, value, 4096, state);
    return value;
}

static int is_distro(const WCHAR *name)
{
    return _wcsicmp(name, L"wsl") != 0 && _wcsicmp(name, L"exec") != 0;
}

static int runs(const WCHAR *name)
{
    return wcscmp(get(name, L"running", L"0"), L"1") == 0;
}

/* wslservice.py removes the file when it has done what the file says. */
static void ask_service(const WCHAR *wanted)
{
    WCHAR path[MAX_PATH];
    HANDLE file;
    wcscpy(path, state);
    wcscpy(wcsrchr(path, L'\\') + 1, wanted);
    file = CreateFileW(path, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (file != INVALID_HANDLE_VALUE)
        CloseHandle(file);
    for (int i = 0; i < 600; i++) {
        if (GetFileAttributesW(path) == INVALID_FILE_ATTRIBUTES)
            return;
        Sleep(50);
    }
    say(L"Catastrophic failure");
    say(L"Error code: Wsl/Service/E_UNEXPECTED");
    exit(-1);
}

static void run(const WCHAR *name, int running)
{
    if (running && wcscmp(get(L"wsl", L"booted", L""), L"0") == 0) {
        WCHAR now[32];
        swprintf(now, 32, L"%lld", (long long)time(NULL));
        WritePrivateProfileStringW(L"wsl", L"booted", now, state);
    }
    if (runs(name) != running && wcscmp(get(name, L"service", L"0"), L"1") == 0)
        ask_service(running ? L"wslservice.start" : L"wslservice.stop");
    WritePrivateProfileStringW(name, L"running", running ? L"1" : L"0", state);
}

static const WCHAR *find(const WCHAR *wanted)
{
    for (const WCHAR *name = names; *name; name += wcslen(name) + 1)
        if (is_distro(name) && _wcsicmp(name, wanted) == 0)
            return name;
    return NULL;
}

static int not_found(void)
{
    say(L"There is no distribution with the supplied name.");
    say(L"Error code: Wsl/Service/WSL_E_DISTRO_NOT_FOUND");
    return -1;
}

static int is(const WCHAR *argument, const WCHAR *brief, const WCHAR *option)
{
    return wcscmp(argument, brief) == 0 || wcscmp(argument, option) == 0;
}

static int list(int argc, WCHAR **argv, const WCHAR *standard)
{
    int verbose = 0, quiet = 0, running = 0, found = 0, width = 8;
    WCHAR line[512];
    for (int i = 0; i < argc; i++) {
        verbose |= is(argv[i], L"-v", L"--verbose");
        quiet |= is(argv[i], L"-q", L"--quiet");
        running |= wcscmp(argv[i], L"--running") == 0;
    }
    for (const WCHAR *name = names; *name; name += wcslen(name) + 1) {
        if (!is_distro(name))
            continue;
        found++;
        if ((int)wcslen(name) + 4 > width)
            width = (int)wcslen(name) + 4;
    }
    if (!found) {
        say(L"Windows Subsystem for Linux has no installed distributions.");
        return -1;
    }
    found = 0;
    for (const WCHAR *name = names; *name; name += wcslen(name) + 1)
        found += is_distro(name) && (!running || runs(name));
    if (!found && !quiet) {
        say(L"There are no running distributions.");
        return -1;
    }
    if (verbose && !quiet) {
        swprintf(line, 512, L"  %-*ls%-16lsVERSION", width, L"NAME", L"STATE");
        say(line);
    } else if (!quiet) {
        say(L"Windows Subsystem for Linux Distributions:");
    }
    for (const WCHAR *name = names; *name; name += wcslen(name) + 1) {
        if (!is_distro(name) || (running && !runs(name)))
            continue;
        if (verbose && !quiet) {
            const WCHAR *shown = get(name, L"state", runs(name) ? L"Running" : L"Stopped");
            swprintf(line, 512, L"%lc %-*ls%-16ls%ls", _wcsicmp(name, standard) == 0 ? L'*' : L' ', width, name, shown,
                     get(name, L"version", L"2"));
            say(line);
        } else {
            say(name);
        }
    }
    return 0;
}

/* Loaded by name, for compile.sh links no more than every program has. */
#define WINSOCK(function) ((typeof(&function))(void *)GetProcAddress(winsock, #function))
static HMODULE winsock;
static SOCKET service;

static int send_all(const char *bytes, int count)
{
    while (count > 0) {
        int sent = WINSOCK(send)(service, bytes, count, 0);
        if (sent <= 0)
            return 0;
        bytes += sent;
        count -= sent;
    }
    return 1;
}

static int receive(char *bytes, int count)
{
    while (count > 0) {
        int got = WINSOCK(recv)(service, bytes, count, 0);
        if (got <= 0)
            return 0;
        bytes += got;
        count -= got;
    }
    return 1;
}

static void send_text(const WCHAR *text)
{
    int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, NULL, 0, NULL, NULL);
    char *bytes = malloc(length);
    if (bytes == NULL)
        exit(1);
    WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, length, NULL, NULL);
    send_all(bytes, length);
    free(bytes);
}

static DWORD WINAPI send_stdin(void *unused)
{
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
    char bytes[16384];
    DWORD count;
    (void)unused;
    while (ReadFile(in, bytes, sizeof bytes, &count, NULL) && count > 0)
        if (!send_all(bytes, (int)count))
            return 0;
    WINSOCK(shutdown)(service, SD_SEND);
    return 0;
}

static int lost(void)
{
    say(L"Catastrophic failure");
    say(L"Error code: Wsl/Service/E_UNEXPECTED");
    return -1;
}

static int is_elevated(void)
{
    SID_IDENTIFIER_AUTHORITY authority = {SECURITY_NT_AUTHORITY};
    PSID administrators;
    BOOL member = FALSE;
    AllocateAndInitializeSid(&authority, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0, &administrators);
    CheckTokenMembership(NULL, administrators, &member);
    return member;
}

/* wslservice.py says at its head how it is asked and answers. */
static int run_by_service(const WCHAR *user, const WCHAR *folder, int shell, int argc, WCHAR **argv)
{
    WCHAR path[MAX_PATH], here[MAX_PATH], number[16];
    char secret[64] = "", head[5], bytes[65536];
    struct sockaddr_in address = {.sin_family = AF_INET};
    WSADATA data;
    unsigned port = 0, size;
    DWORD written;
    FILE *file;

    wcscpy(path, state);
    wcscpy(wcsrchr(path, L'\\') + 1, L"wslservice.port");
    file = _wfopen(path, L"r");
    if (file == NULL || fscanf(file, "%u %63s", &port, secret) != 2)
        return lost();
    fclose(file);
    winsock = LoadLibraryW(L"ws2_32.dll");
    WINSOCK(WSAStartup)(MAKEWORD(2, 2), &data);
    service = WINSOCK(socket)(AF_INET, SOCK_STREAM, 0);
    address.sin_port = WINSOCK(htons)((u_short)port);
    address.sin_addr.s_addr = WINSOCK(htonl)(INADDR_LOOPBACK);
    if (WINSOCK(connect)(service, (struct sockaddr *)&address, sizeof address) != 0)
        return lost();

    GetCurrentDirectoryW(MAX_PATH, here);
    swprintf(number, 16, L"%d", argc);
    send_all(secret, (int)strlen(secret) + 1);
    send_text(is_elevated() ? L"elevated" : L"unelevated");
    send_text(user);
    send_text(*folder ? folder : here);
    send_text(shell ? L"shell" : L"exec");
    send_text(number);
    for (int i = 0; i < argc; i++)
        send_text(argv[i]);
    CloseHandle(CreateThread(NULL, 0, send_stdin, NULL, 0, NULL));

    while (receive(head, 5)) {
        memcpy(&size, head + 1, sizeof size);
        if (head[0] == 'x')
            return (int)size;
        if (size > sizeof bytes || !receive(bytes, (int)size))
            break;
        WriteFile(GetStdHandle(head[0] == 'e' ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE), bytes, size, &written, NULL);
    }
    return lost();
}

static int execute(const WCHAR *distro, const WCHAR *user, const WCHAR *folder, int shell, int argc, WCHAR **argv)
{
    WCHAR command[1024] = L"";
    char bytes[4096];
    DWORD count;
    HANDLE in = GetStdHandle(STD_INPUT_HANDLE);
    run(distro, 1);
    const WCHAR *canned = L"";
    for (int words = argc < 3 ? argc : 3; words > 0 && *canned == 0; words--) {
        *command = 0;
        for (int i = 0; i < words && wcslen(command) + wcslen(argv[i]) < 1000; i++)
            wcscat(wcscat(command, i ? L" " : L""), argv[i]);
        canned = get(L"exec", command, L"");
    }
    if (*canned == 0 && wcscmp(get(distro, L"service", L"0"), L"1") == 0)
        return run_by_service(*user ? user : get(distro, L"user", L"root"), folder, shell, argc, argv);
    if (GetFileType(in) == FILE_TYPE_PIPE)
        while (ReadFile(in, bytes, sizeof bytes, &count, NULL) && count > 0)
            ;
    const WCHAR *text = wcschr(canned, L'|');
    if (text == NULL) {
        if (wcscmp(command, L"/bin/true") == 0)
            return 0;
        fwprintf(stderr, L"wsl.exe (simulated): no answer is set for: %ls\n", command);
        return 127;
    }
    for (text++; *text; text++) {
        if (text[0] == L'\\' && text[1] == L'n') {
            putchar('\n');
            text++;
        } else if (wcsncmp(text, L"%booted%", 8) == 0) {
            printf("%ls", get(L"wsl", L"booted", L"0"));
            text += 7;
        } else {
            putchar((char)*text);
        }
    }
    return _wtoi(canned);
}

/* --install NAME from the list, or --from-file FILE --name NAME. */
static int install(int argc, WCHAR **argv)
{
    const WCHAR *file = NULL, *name = L"";
    WCHAR known[4096], wanted[1024];
    for (int i = 0; i + 1 < argc; i++) {
        if (wcscmp(argv[i], L"--from-file") == 0)
            file = argv[i + 1];
        else if (wcscmp(argv[i], L"--name") == 0 || is(argv[i], L"-d", L"--distribution"))
            name = argv[i + 1];
    }
    if (file != NULL && GetFileAttributesW(file) == INVALID_FILE_ATTRIBUTES) {
        say(L"The system cannot find the file specified.");
        say(L"Error code: Wsl/InstallDistro/ERROR_FILE_NOT_FOUND");
        return -1;
    }
    swprintf(known, 4096, L",%ls,", get(L"wsl", L"online", L""));
    swprintf(wanted, 1024, L",%ls,", name);
    if (file == NULL && wcsstr(known, wanted) == NULL) {
        put(L"Invalid distribution name: '");
        put(name);
        say(L"'.");
        say(L"Error code: Wsl/InstallDistro/WSL_E_DISTRO_NOT_FOUND");
        return -1;
    }
    WritePrivateProfileStringW(name, L"running", L"0", state);
    WritePrivateProfileStringW(name, L"service", get(L"wsl", L"service", L"0"), state);
    WritePrivateProfileStringW(name, L"user", get(L"wsl", L"user", L"root"), state);
    put(L"Distribution successfully installed. It can be launched via 'wsl.exe -d ");
    put(name);
    say(L"'");
    return 0;
}

int wmain(int argc, WCHAR **argv)
{
    const WCHAR *log, *distro, *user = L"", *folder = L"";
    int at = 1, shell = 1;
    if (GetEnvironmentVariableW(L"WSLTUNE_WSL_STATE", state, MAX_PATH) == 0) {
        GetModuleFileNameW(NULL, state, MAX_PATH);
        wcscpy(wcsrchr(state, L'.'), L".ini");
    }
    GetPrivateProfileSectionNamesW(names, 4096, state);
    log = get(L"wsl", L"log", L"");
    if (*log) {
        FILE *file = _wfopen(log, L"a, ccs=UTF-8");
        if (file != NULL) {
            for (int i = 1; i < argc; i++)
                fwprintf(file, i > 1 ? L"\t%ls" : L"%ls", argv[i]);
            fwprintf(file, L"\n");
            fclose(file);
        }
    }
    if (wcscmp(get(L"wsl", L"installed", L"1"), L"0") == 0) {
        say(L"The Windows Subsystem for Linux is not installed. You can install by running 'wsl.exe --install'.");
        return 1;
    }
    distro = get(L"wsl", L"default", L"");
    for (; at < argc; at++) {
        const WCHAR *option = argv[at], *value = at + 1 < argc ? argv[at + 1] : L"";
        if (is(option, L"-l", L"--list"))
            return list(argc - at - 1, argv + at + 1, distro);
        if (is(option, L"-t", L"--terminate")) {
            const WCHAR *found = find(value);
            if (found == NULL)
                return not_found();
            if (wcscmp(get(found, L"stuck", L"0"), L"1") != 0)
                run(found, 0);
            say(L"The operation completed successfully.");
            return 0;
        }
        if (wcscmp(option, L"--install") == 0)
            return install(argc - at - 1, argv + at + 1);
        if (wcscmp(option, L"--shutdown") == 0) {
            for (const WCHAR *name = names; *name; name += wcslen(name) + 1)
                if (is_distro(name) && runs(name))
                    run(name, 0);
            if (*get(L"wsl", L"booted", L""))
                WritePrivateProfileStringW(L"wsl", L"booted", L"0", state);
            return 0;
        }
        if (wcscmp(option, L"--status") == 0) {
            put(L"Default Distribution: ");
            say(distro);
            say(L"Default Version: 2");
            return 0;
        }
        if (is(option, L"-v", L"--version")) {
            put(L"WSL version: ");
            say(get(L"wsl", L"version", L"2.6.3.0"));
            say(L"Kernel version: 6.6.87.2-1");
            return 0;
        }
        if (wcscmp(option, L"--manage") == 0) {
            if (find(value) == NULL)
                return not_found();
            if (argc - at < 4 || wcscmp(argv[at + 2], L"--set-sparse") != 0)
                return -1;
            if (wcscmp(argv[at + 3], L"true") != 0 || argc - at > 4)
                return 0;
            /* microsoft/WSL 13075 */
            say(L"Sparse VHD support is currently disabled due to potential data corruption.");
            say(L"To force a distribution to use a sparse VHD, please run:");
            say(L"wsl.exe --manage <DistributionName> --set-sparse true --allow-unsafe");
            say(L"Error code: Wsl/Service/E_INVALIDARG");
            return -1;
        }
        if (is(option, L"-e", L"--exec") || wcscmp(option, L"--") == 0) {
            shell = wcscmp(option, L"--") == 0;
            at++;
            break;
        }
        if (is(option, L"-d", L"--distribution")) {
            distro = value;
            at++;
        } else if (is(option, L"-u", L"--user")) {
            user = value;
            at++;
        } else if (wcscmp(option, L"--cd") == 0) {
            folder = value;
            at++;
        } else if (option[0] == L'-') {
            put(L"Invalid command line argument: ");
            say(option);
            say(L"Please use 'wsl.exe --help' to get a list of supported arguments.");
            return -1;
        } else {
            break;
        }
    }
    distro = find(distro);
    if (distro == NULL)
        return not_found();
    return execute(distro, user, folder, shell, argc - at, argv + at);
}
