/* Copyright (c) 2026 wsltune contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 *
 * Stand-in for wslhost.exe, which on Windows starts a program with the token of the session. Under wine every process is
 * an administrator's; this starts one that is not: wslhost.exe PROGRAM ARGUMENT...
 */
#define _WIN32_WINNT 0x0601
#include <stdio.h>
#include <windows.h>

static int failed(const char *step)
{
    fprintf(stderr, "wslhost: %s failed: %lu\n", step, GetLastError());
    return 255;
}

int main(void)
{
    SID_IDENTIFIER_AUTHORITY authority = {SECURITY_NT_AUTHORITY};
    SID_AND_ATTRIBUTES administrators = {0};
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
    STARTUPINFOW startup = {.cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION process;
    HANDLE token, limited, job;
    DWORD code;
    WCHAR *command = GetCommandLineW();

    if (*command == '"') {
        for (command++; *command && *command != '"'; command++)
            ;
        if (*command)
            command++;
    } else {
        while (*command && *command != ' ')
            command++;
    }
    while (*command == ' ')
        command++;

    if (!OpenProcessToken(GetCurrentProcess(), TOKEN_ALL_ACCESS, &token))
        return failed("OpenProcessToken");
    if (!AllocateAndInitializeSid(&authority, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0,
                                  &administrators.Sid))
        return failed("AllocateAndInitializeSid");
    if (!CreateRestrictedToken(token, DISABLE_MAX_PRIVILEGE, 1, &administrators, 0, NULL, 0, NULL, &limited))
        return failed("CreateRestrictedToken");

    /* Ends with this process, as a console program ends when its channel closes. */
    job = CreateJobObjectW(NULL, NULL);
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);

    startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
    startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
    startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
    if (!CreateProcessAsUserW(limited, NULL, command, NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &startup, &process))
        return failed("CreateProcessAsUser");
    AssignProcessToJobObject(job, process.hProcess);
    ResumeThread(process.hThread);
    CloseHandle(startup.hStdInput);
    WaitForSingleObject(process.hProcess, INFINITE);
    GetExitCodeProcess(process.hProcess, &code);
    return (int)code;
}
