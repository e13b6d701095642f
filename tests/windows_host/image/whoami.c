/* Copyright (c) 2026 wsltune contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 *
 * Stand-in for whoami.exe: wine's prints nothing for /groups. The integrity level follows from the token: High where
 * the group of administrators counts, Medium where it does not, as with UAC.
 */
#define _WIN32_WINNT 0x0601
#include <stdio.h>
#include <string.h>
#include <windows.h>

int main(int argc, char **argv)
{
    char user[256];
    DWORD size = sizeof user;
    SID_IDENTIFIER_AUTHORITY authority = {SECURITY_NT_AUTHORITY};
    PSID administrators;
    BOOL member = FALSE;

    GetUserNameA(user, &size);
    if (argc < 2 || _stricmp(argv[1], "/groups") != 0) {
        char computer[256];
        size = sizeof computer;
        GetComputerNameA(computer, &size);
        printf("%s\\%s\r\n", _strlwr(computer), _strlwr(user));
        return 0;
    }
    AllocateAndInitializeSid(&authority, 2, SECURITY_BUILTIN_DOMAIN_RID, DOMAIN_ALIAS_RID_ADMINS, 0, 0, 0, 0, 0, 0, &administrators);
    CheckTokenMembership(NULL, administrators, &member);
    printf("\r\nGROUP INFORMATION\r\n-----------------\r\n\r\n");
    printf("Everyone                             Well-known group S-1-1-0      Mandatory group, Enabled by default, Enabled group\r\n");
    printf("BUILTIN\\Administrators               Alias            S-1-5-32-544 %s\r\n",
           member ? "Mandatory group, Enabled by default, Enabled group, Group owner" : "Group used for deny only");
    printf("Mandatory Label\\%s Mandatory Level Label            %s\r\n", member ? "High" : "Medium", member ? "S-1-16-12288" : "S-1-16-8192");
    return 0;
}
