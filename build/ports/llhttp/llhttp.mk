# llhttp: README.md here.

LLHTTP_DIR     := out/ports/llhttp
LLHTTP_READY   := $(LLHTTP_DIR)/fetched
LLHTTP_HOST    := $(LLHTTP_DIR)/host/libllhttp.a
LLHTTP_INCLUDE := -isystem $(LLHTTP_DIR)/src
LLHTTP_FILES   := llhttp.h llhttp-api.c llhttp-http.c llhttp.c

$(LLHTTP_READY): build/ports/sources.txt build/ports/llhttp/llhttp.mk | setup
	$(call say,FETCH,$(@D))rm -rf $(@D)/src $@ && mkdir -p $(@D)/src && \
	    for name in $(LLHTTP_FILES); do \
	        cp "$$(build/ports/fetch $$name)" $(@D)/src/$$name || exit 1; \
	    done && touch $@

# $(call llhttp,<folder of the objects>,<compiler and flags>): generated code, whose warnings are its
# authors'.
llhttp = rm -rf $(1) $@ && mkdir -p $(1) $(@D) && \
    for name in llhttp-api llhttp-http llhttp; do \
        $(2) -w $(LLHTTP_INCLUDE) -c -o $(1)/$$name.o $(LLHTTP_DIR)/src/$$name.c || exit 1; \
    done && $(AR) rcD $@ $(1)/*.o

$(LLHTTP_HOST): $(LLHTTP_READY)
	$(call say,AR,$@)$(call llhttp,$(LLHTTP_DIR)/host.obj,$(HOSTCC) -O2 -g)
$(OUT)/libos/llhttp.a: $(LLHTTP_READY) | $(NEWLIB_READY)
	$(call say,AR,$@)$(call llhttp,$(OUT)/ports/llhttp,$(CC) $(filter-out $(WARNINGS),$(LIBC_FLAGS)))
