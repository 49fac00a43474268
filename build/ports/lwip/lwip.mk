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

# What the sockets API is made of.
LWIP_SOCKETS_SRCS := $(addprefix api/,api_lib.c api_msg.c err.c netbuf.c netdb.c sockets.c tcpip.c)

# $(call lwip_archive,<name>,<sources>,<flags>,<headers of the configuration>). Its warnings are its
# authors'. All of it is compiled again when the configuration changes.
define lwip_archive
$(OUT)/libos/$(1).a: $(LWIP_READY) $(4) $(MAKE_FRAGMENTS) | $(NEWLIB_READY)
	$$(call say,AR,$$@)rm -rf $$@ $(OUT)/ports/$(1) && mkdir -p $$(@D) $(OUT)/ports/$(1) && \
	    for file in $(2); do \
	        $(CC) $$(filter-out $$(WARNINGS),$$(LIBC_FLAGS)) -w $(3) -c \
	            -o $(OUT)/ports/$(1)/$$$$(basename $$$$file .c).o $(LWIP_TREE)/$$$$file || exit 1; \
	    done && $(AR) rcD $$@ $(OUT)/ports/$(1)/*.o
endef
LWIP_CONFIG := libos/net/include/lwipopts.h libos/net/include/arch/cc.h
$(eval $(call lwip_archive,lwip,$(LWIP_SRCS),$(LWIP_INCLUDE),$(LWIP_CONFIG)))
$(eval $(call lwip_archive,lwip-sockets,$(LWIP_SRCS) $(LWIP_SOCKETS_SRCS),\
    -iquote libos/sockets/include -Ilibos/sockets/include $(LWIP_INCLUDE),$(LWIP_CONFIG) \
    $(wildcard libos/sockets/include/lwipopts.h libos/sockets/include/arch/*.h)))
