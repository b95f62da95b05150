;; Never gives the room that the host asks for, already for its arguments. It brings its own allocator, so nothing
;; stands behind it.
(memory (export "memory") 1)
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (loop $again (br $again)) (unreachable))
(func (export "cleargate:node/node@0.1.0#describe") (result i32) (i32.const 128))
(func (export "cleargate:node/node@0.1.0#run") (param i32) (result i32) (i32.const 64))
