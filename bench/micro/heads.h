/* bench/micro/heads.h - The request heads that are measured. */
#ifndef FR_BENCH_HEADS_H
#define FR_BENCH_HEADS_H

/* As a load generator sends it. */
#define HEAD_SHORT "GET / HTTP/1.1\r\nHost: localhost:8000\r\n\r\n"

/* As an HTTP library sends it to an API. */
#define HEAD_API                                                 \
    "POST /api/v1/items/42?expand=owner HTTP/1.1\r\n"            \
    "Host: api.example.com\r\n"                                  \
    "User-Agent: python-httpx/0.27.0\r\n"                        \
    "Accept: application/json\r\n"                               \
    "Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n" \
    "Content-Type: application/json\r\n"                         \
    "Content-Length: 27\r\n\r\n"

/* As a browser sends it: 12 fields, about 700 bytes. */
#define HEAD_BROWSER                                                                         \
    "GET /articles/2026/a-page-of-a-site?from=index HTTP/1.1\r\n"                            \
    "Host: www.example.com\r\n"                                                              \
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n" \
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8\r\n" \
    "Accept-Language: en-US,en;q=0.5\r\n"                                                    \
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"                                           \
    "Referer: https://www.example.com/articles/index.html\r\n"                               \
    "Connection: keep-alive\r\n"                                                             \
    "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=1; "              \
    "_ga=GA1.1.1234567890.1234567890; csrftoken=0123456789abcdefghijklmnopqrstuv\r\n"        \
    "Upgrade-Insecure-Requests: 1\r\n"                                                       \
    "Sec-Fetch-Dest: document\r\n"                                                           \
    "Sec-Fetch-Mode: navigate\r\n"                                                           \
    "If-None-Match: \"33a64df551425fcc55e4d42a148795d9f25f89d4\"\r\n\r\n"

#endif
