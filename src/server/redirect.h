/* server/redirect.h - An application that sends every request to the same place on https. */
#ifndef FR_SERVER_REDIRECT_H
#define FR_SERVER_REDIRECT_H

#include <stdint.h>

#include "http/application.h"

struct fr_redirect {
    struct fr_application application;
    uint16_t port; /* where TLS is spoken */
};

/* One that names `port`, unless that is the one which https means. */
void fr_redirect_init(struct fr_redirect *redirect, uint16_t port);

#endif
