;; Gives the host a text of 200 MiB, of memory that it never touched.
(component
  (import "cleargate:host/log@0.1.0" (instance $log
    (type $cases (enum "trace" "debug" "info" "warn" "error"))
    (export "level" (type $level (eq $cases)))
    (export "write" (func (param "level" $level) (param "message" string)
      (param "fields" (list (tuple string string)))))))
  (alias export $log "write" (func $write))
  (core module $memory (memory (export "memory") 4096))
  (core instance $memory (instantiate $memory))
  (core func $write (canon lower (func $write) (memory (core memory $memory "memory"))))
  (core module $m
    (import "" "write" (func $write (param i32 i32 i32 i32 i32)))
    (func (export "attack")
      (call $write (i32.const 2) (i32.const 65536) (i32.const 209715200) (i32.const 0) (i32.const 0))))
  (core instance $m (instantiate $m (with "" (instance (export "write" (func $write))))))
  (func (export "attack") (canon lift (core func $m "attack"))))
