/*
 * Opens one SNMPv3 trap again and again with libnetsnmp: code, clock, content, varbinds; no socket.
 *
 * usage: netsnmp_v3 ENGINE AUTH PASSPHRASE PRIVACY PASSPHRASE HEX
 * For every line on standard input, a count, it prints the nanoseconds that one took. Built by benches/usm.rs.
 */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/snmpusm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static u_char trap[2048], octets[2048];
static size_t length;

static int decode(netsnmp_session *session)
{
    size_t rest = length;
    netsnmp_pdu *pdu = SNMP_MALLOC_TYPEDEF(netsnmp_pdu);
    if (!pdu)
        return 0;
    memcpy(octets, trap, length);
    int failed = snmpv3_parse(pdu, octets, &rest, NULL, session);
    int ok = !failed && pdu->command == SNMP_MSG_TRAP2 && pdu->variables != NULL;
    snmp_free_pdu(pdu);
    return ok;
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
    netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
    setenv("MIBS", "", 1);
    init_snmp("bench");
    char line[512];
    snprintf(line, sizeof line, "-e 0x%s bmc %s \"%s\" %s \"%s\"", argv[1], argv[2], argv[3], argv[4], argv[5]);
    usm_parse_create_usmUser("createUser", line);
    for (const char *hex = argv[6]; hex[0] && hex[1] && length < sizeof trap; hex += 2) {
        unsigned octet;
        if (sscanf(hex, "%2x", &octet) != 1)
            return 2;
        trap[length++] = (u_char) octet;
    }
    netsnmp_session session;
    snmp_sess_init(&session);
    session.version = SNMP_VERSION_3;
    if (!decode(&session)) {
        fprintf(stderr, "libnetsnmp does not open it\n");
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        long count = atol(line), opened = 0;
        struct timespec begin, end;
        clock_gettime(CLOCK_MONOTONIC, &begin);
        for (long i = 0; i < count; i++)
            opened += decode(&session);
        clock_gettime(CLOCK_MONOTONIC, &end);
        if (opened != count)
            return 1;
        double took = (double) (end.tv_sec - begin.tv_sec) * 1e9 + (double) (end.tv_nsec - begin.tv_nsec);
        printf("%f\n", took / (double) count);
        fflush(stdout);
    }
    return 0;
}
