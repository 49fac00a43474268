# libsodium for the host and for programs above the kernel: README.md here.
#
#   $(LIBSODIUM_HOST), $(LIBSODIUM_GUEST)   the archives
#   $(LIBSODIUM_INCLUDE)                    compiler flags for who includes its headers
#   $(LIBSODIUM_READY)                      depend on it (order-only) before compiling such a file

LIBSODIUM_DIR     := out/ports/libsodium
LIBSODIUM_TREE    := $(LIBSODIUM_DIR)/src/src/libsodium
LIBSODIUM_READY   := $(LIBSODIUM_DIR)/unpacked
LIBSODIUM_HOST    := $(LIBSODIUM_DIR)/host/libsodium.a
LIBSODIUM_GUEST   := $(OUT)/ports/libsodium/libsodium.a
LIBSODIUM_INCLUDE := -isystem $(LIBSODIUM_TREE)/include/sodium

LIBSODIUM_SRCS := crypto_sign/ed25519/sign_ed25519.c crypto_sign/ed25519/ref10/keypair.c \
                  crypto_sign/ed25519/ref10/open.c crypto_sign/ed25519/ref10/sign.c \
                  crypto_core/ed25519/ref10/ed25519_ref10.c crypto_verify/sodium/verify.c \
                  crypto_hash/sha256/hash_sha256.c crypto_hash/sha256/cp/hash_sha256_cp.c \
                  crypto_hash/sha512/hash_sha512.c crypto_hash/sha512/cp/hash_sha512_cp.c

# TI mode: multiplications to 128 bits, which both machines have. CONFIGURED only silences a warning
# about building without configure. The tarball's sources are not ours to warn about.
LIBSODIUM_FLAGS := -O2 -g -ffunction-sections -fdata-sections -w -DCONFIGURED=1 -DHAVE_TI_MODE=1 \
                   -DNATIVE_LITTLE_ENDIAN=1 -I$(LIBSODIUM_TREE)/include/sodium \
                   -I$(LIBSODIUM_TREE)/include/sodium/private -I$(LIBSODIUM_TREE)/include \
                   -ffile-prefix-map=$(CURDIR)/=
LIBSODIUM_FLAGS_GUEST := $(filter-out $(WARNINGS) -std=c11,$(TARGET_FLAGS)) $(LIBSODIUM_FLAGS) \
                         -Ibuild/ports/libsodium/include

$(LIBSODIUM_READY): build/ports/sources.txt build/ports/libsodium/libsodium.mk | setup
	$(call say,UNPACK,$(@D))rm -rf $(@D)/src $@ && mkdir -p $(@D)/src && \
	    tar -xzf "$$(build/ports/fetch libsodium)" -C $(@D)/src --strip-components=1 && touch $@

# $(call libsodium,<archive>,<compiler>,<flags>)
define libsodium
$(1): $(addprefix $(dir $(1)),$(notdir $(LIBSODIUM_SRCS:.c=.o)) glue.o)
	$$(call say,AR,$$@)rm -f $$@ && $(AR) rcD $$@ $$^
$(dir $(1))glue.o: build/ports/libsodium/glue.c $(LIBSODIUM_READY)
	@mkdir -p $$(@D) && $(2) $(3) -c -o $$@ $$<
$(foreach s,$(LIBSODIUM_SRCS),$(call libsodium_object,$(dir $(1))$(notdir $(s:.c=.o)),$(s),$(2) $(3))
)
endef

define libsodium_object
$(1): $(LIBSODIUM_READY)
	@mkdir -p $$(@D) && $(3) -c -o $$@ $(LIBSODIUM_TREE)/$(2)
endef

$(eval $(call libsodium,$(LIBSODIUM_HOST),$(HOSTCC),$(LIBSODIUM_FLAGS)))
$(eval $(call libsodium,$(LIBSODIUM_GUEST),$(CC),$(LIBSODIUM_FLAGS_GUEST)))
