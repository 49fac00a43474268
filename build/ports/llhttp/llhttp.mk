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

# Generated code: its warnings are its authors'.
$(LLHTTP_HOST): $(LLHTTP_READY)
	$(call say,AR,$@)rm -rf $(@D) && mkdir -p $(@D) && \
	    for name in llhttp-api llhttp-http llhttp; do \
	        $(HOSTCC) -O2 -g -w $(LLHTTP_INCLUDE) -c -o $(@D)/$$name.o \
	            $(LLHTTP_DIR)/src/$$name.c || exit 1; \
	    done && $(AR) rcD $@ $(@D)/*.o
