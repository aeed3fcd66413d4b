/* by_country.cc in C: sends each message to the address of its country, and the rest to `other`. */
#include <stdlib.h>
#include <string.h>
#include <yardmaster/routing.h>

static const ym_setting country[] = {
    {"*", YM_TARGET, NULL, NULL, "where this country's messages go", NULL},
    {NULL, 0, NULL, NULL, NULL, NULL},
};
static const ym_setting settings[] = {
    {"field", YM_FIELD, "header.country", NULL, "holds the country code", NULL},
    {"countries", YM_MAP, NULL, NULL, "country code: queue or pipeline", country},
    {"other", YM_TARGET, NULL, NULL, "where all other messages go", NULL},
    {NULL, 0, NULL, NULL, NULL, NULL},
};

typedef struct by_country {
    uint32_t field;
    ym_target other;
    int32_t known[26 * 26]; /* by the two letters: a target, or -1 */
} by_country;

/* The place of a code in `known`, or -1 if it is none. */
static int place_of(ym_text code) {
    if (code.size != 2 || code.data[0] < 'a' || code.data[0] > 'z' || code.data[1] < 'a' || code.data[1] > 'z')
        return -1;
    return (code.data[0] - 'a') * 26 + (code.data[1] - 'a');
}

static void* create(const ym_host* host, const ym_value* given) {
    static const char why[] = "a country code has two small letters";
    const ym_value* countries = host->get(given, "countries");
    by_country* self = malloc(sizeof *self);
    size_t i;
    if (self == NULL) return NULL;
    memset(self->known, 0xff, sizeof self->known);
    self->field = host->column(host->context, host->text(host->get(given, "field")));
    self->other = host->target(host->get(given, "other"));
    for (i = 0; i < host->count(countries); ++i) {
        ym_text code;
        const ym_value* to = host->at(countries, i, &code);
        const int place = place_of(code);
        if (place < 0) {
            host->refuse(host->context, to, (ym_text){why, sizeof why - 1});
        } else {
            self->known[place] = (int32_t)host->target(to);
        }
    }
    return self; /* not used after refuse(), but destroyed */
}

static ym_status route(void* self, const ym_batch* batch, const ym_routes* out) {
    const by_country* it = self;
    const ym_text* codes = batch->column[it->field];
    uint32_t i;
    for (i = 0; i < batch->count; ++i) {
        const int place = place_of(codes[i]);
        const int32_t to = place < 0 ? -1 : it->known[place];
        out->add(out->context, i, to < 0 ? it->other : (ym_target)to);
    }
    return YM_OK;
}

static const ym_routing routing = {sizeof(ym_routing), sizeof(ym_setting), settings, create, free, route};

static const void* get(const char* interface_id) {
    return strcmp(interface_id, YM_ROUTING_1) == 0 ? &routing : NULL;
}

const ym_plugin ym_plugin_1[] = {
    {sizeof(ym_plugin), "example.com/by-country-c", "1.0.0", "routes by a country code", get},
    {0, NULL, NULL, NULL, NULL},
};
