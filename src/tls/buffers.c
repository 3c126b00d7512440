/* tls/buffers.c - Which streams keep OpenSSL's buffers between two records.
 *
 * Instead of SSL_MODE_RELEASE_BUFFERS, which gives both back after every record and takes them again for the next: a
 * fifteenth of what a request costs beyond the kernel. */
#include "tls/buffers.h"

void fr_tls_buffers_open(struct fr_tls_buffers *buffers)
{
    fr_list_init(&buffers->warm);
    buffers->warm_count = 0;
}

void fr_tls_buffers_use(struct fr_tls_buffers *buffers, struct fr_tls_buffers_user *user)
{
    fr_tls_buffers_leave(buffers, user);
    fr_list_append(&buffers->warm, &user->node);
    if (++buffers->warm_count <= FR_TLS_BUFFERS_WARM_MAX)
        return;
    struct fr_tls_buffers_user *rested = FR_LIST_OWNER(buffers->warm.next, struct fr_tls_buffers_user, node);
    fr_tls_buffers_leave(buffers, rested);
    if (!fr_tls_wire_is_amid_record(rested->wire)) /* OpenSSL before 3.0.14 frees also what it goes on to read */
        (void)SSL_free_buffers(rested->ssl);
}

void fr_tls_buffers_leave(struct fr_tls_buffers *buffers, struct fr_tls_buffers_user *user)
{
    if (!fr_list_is_linked(&user->node))
        return;
    fr_list_remove(&user->node);
    buffers->warm_count--;
}
