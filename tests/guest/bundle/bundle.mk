# The store of tests/guest/bundle.c: three generations of a payload of four blocks.

BUNDLE_PAYLOAD := out/bundles/test-payload.bin
$(BUNDLE_PAYLOAD): tests/guest/bundle/bundle.mk
	@mkdir -p $(@D) && $(PYTHON) -c 'import sys; sys.stdout.buffer.write(bytes(i * i % 251 for i in range(200000)))' >$@

$(call bundle,test,1,payload.bin=$(BUNDLE_PAYLOAD),--verify on-fault payload.bin)
$(call bundle,test,2,payload.bin=$(BUNDLE_PAYLOAD),payload.bin)
$(call corrupt_bundle,test,3,payload.bin=$(BUNDLE_PAYLOAD),payload.bin,payload.bin)
$(call store_image,out/bundles/test.img,test/1 test/2 test/3)

GUEST_SRCS_bundle  := tests/guest/bundle/libc.c tests/guest/stress/parallel.c
GUEST_FILES_bundle := store=out/bundles/test.img trust=$(TRUST_ROOT)
$(OUT)/libc-obj/tests/guest/bundle.c.o: USER_EXTRA_FLAGS = -Itests/guest/lib $(MODEL_FLAGS)
$(OUT)/libc-obj/tests/guest/bundle.c.o: | $(LIBSODIUM_READY)

# Payloads that fault.
$(OUT)/libc-obj/tests/guest/pager.c.o: USER_EXTRA_FLAGS = -Itests/guest/lib $(MODEL_FLAGS)
$(OUT)/libc-obj/tests/guest/pager.c.o: | $(LIBSODIUM_READY)
