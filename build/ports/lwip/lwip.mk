# lwIP: README.md here.
#
#   $(OUT)/libos/lwip.a   for programs above the kernel
#   $(LWIP_READY)         depend on it (order-only) before compiling what includes its headers

LWIP_DIR     := out/ports/lwip
LWIP_TREE    := $(LWIP_DIR)/src/src
LWIP_READY   := $(LWIP_DIR)/unpacked
LWIP_INCLUDE := -isystem $(LWIP_TREE)/include -Ilibos/net/include

LWIP_SRCS := $(addprefix core/,def.c dns.c inet_chksum.c init.c ip.c mem.c memp.c netif.c pbuf.c stats.c \
                 tcp.c tcp_in.c tcp_out.c timeouts.c udp.c) \
             $(addprefix core/ipv4/,dhcp.c etharp.c icmp.c ip4.c ip4_addr.c ip4_frag.c) \
             $(addprefix core/ipv6/,dhcp6.c ethip6.c icmp6.c inet6.c ip6.c ip6_addr.c ip6_frag.c \
                 mld6.c nd6.c) \
             netif/ethernet.c

$(LWIP_READY): build/ports/sources.txt build/ports/lwip/lwip.mk | setup
	$(call say,UNPACK,$(@D))rm -rf $(@D)/src $@ && mkdir -p $(@D)/src && \
	    tar -xJf "$$(build/ports/fetch lwip)" -C $(@D)/src --strip-components=1 && touch $@

# Its warnings are its authors'. All of it is compiled again when the configuration changes.
$(OUT)/libos/lwip.a: $(LWIP_READY) libos/net/include/lwipopts.h libos/net/include/arch/cc.h \
                     $(MAKE_FRAGMENTS) | $(NEWLIB_READY)
	$(call say,AR,$@)rm -rf $@ $(OUT)/ports/lwip && mkdir -p $(@D) $(OUT)/ports/lwip && \
	    for file in $(LWIP_SRCS); do \
	        $(CC) $(filter-out $(WARNINGS),$(LIBC_FLAGS)) -w $(LWIP_INCLUDE) -c \
	            -o $(OUT)/ports/lwip/$$(basename $$file .c).o $(LWIP_TREE)/$$file || exit 1; \
	    done && $(AR) rcD $@ $(OUT)/ports/lwip/*.o
