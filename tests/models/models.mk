# Spin models. Every tests/models/NAME.pml must verify; every tests/models/NAME.mutant-*.pml, and
# NAME.pml with each `MUTANT_x` that one of its #if lines names, must fail. Flags stand in the model
# itself: `// config: pan=-m200000,-a cc=-DVECTORSZ=4096` (ci/README.md).

MODELS := $(sort $(basename $(notdir $(wildcard tests/models/*.pml))))
