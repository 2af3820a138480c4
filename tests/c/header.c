/* The header stands alone, in C99, C11 and C++17, and may be included twice. */
#include <bmcnotice.h>
#include <bmcnotice.h>

int main(void)
{
    return 0;
}
