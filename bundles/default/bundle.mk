# The default store: generation 1 is the model that is here; generation 2 is the same, signed
# correctly, with one bit of the weights damaged. A machine that serves from it says why it refuses
# generation 2, and comes up on generation 1.

DEFAULT_FILES   := model.bin=bundles/default/model.bin tokenizer.bin=bundles/default/tokenizer.bin
DEFAULT_OPTIONS := --verify eager --weights model.bin --tokenizer tokenizer.bin

$(call bundle,default,1,$(DEFAULT_FILES),$(DEFAULT_OPTIONS))
$(call corrupt_bundle,default,2,$(DEFAULT_FILES),$(DEFAULT_OPTIONS),model.bin)
$(call store_image,out/store.img,default/1 default/2)
