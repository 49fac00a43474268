/* A leftist heap (Crane 1972; Knuth, volume 3, 5.2.3) with parent links, without recursion. */
#include "core/deadline.h"

static uint32_t
rank_of(const struct vcpu *node)
{
    return node == NULL ? 0 : node->heap_rank;
}

/* Restores "left rank >= right rank" at a node; true when its own rank changed. */
static bool
settle(struct vcpu *node)
{
    if (rank_of(node->heap_left) < rank_of(node->heap_right)) {
        struct vcpu *left = node->heap_left;
        node->heap_left = node->heap_right;
        node->heap_right = left;
    }
    uint32_t rank = rank_of(node->heap_right) + 1;
    bool changed = rank != node->heap_rank;
    node->heap_rank = rank;
    return changed;
}

/* Merges along the right spines, which have O(log n) nodes. The result's parent is NULL. */
static struct vcpu *
merge(struct vcpu *a, struct vcpu *b)
{
    struct vcpu *root = NULL, *tail = NULL;
    while (a != NULL && b != NULL) {
        if (b->deadline < a->deadline) {
            struct vcpu *swap = a;
            a = b;
            b = swap;
        }
        a->heap_parent = tail;
        *(tail == NULL ? &root : &tail->heap_right) = a;
        tail = a;
        a = a->heap_right;
    }
    struct vcpu *rest = a != NULL ? a : b;
    if (rest != NULL)
        rest->heap_parent = tail;
    *(tail == NULL ? &root : &tail->heap_right) = rest;
    for (; tail != NULL; tail = tail->heap_parent)
        (void)settle(tail);
    return root;
}

void
deadline_insert(struct vcpu **root, struct vcpu *vcpu)
{
    vcpu->heap_left = vcpu->heap_right = vcpu->heap_parent = NULL;
    vcpu->heap_rank = 1;
    vcpu->in_heap = true;
    *root = merge(*root, vcpu);
}

void
deadline_take_out(struct vcpu **root, struct vcpu *vcpu)
{
    struct vcpu *parent = vcpu->heap_parent;
    struct vcpu *rest = merge(vcpu->heap_left, vcpu->heap_right);
    vcpu->in_heap = false;
    if (rest != NULL)
        rest->heap_parent = parent;
    if (parent == NULL) {
        *root = rest;
        return;
    }
    *(parent->heap_left == vcpu ? &parent->heap_left : &parent->heap_right) = rest;
    while (parent != NULL && settle(parent))
        parent = parent->heap_parent;
}
