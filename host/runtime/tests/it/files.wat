;; A guest that uses files as it is told: the folder, the path, how to open it, and what to do. It says what it read,
;; `ok`, or `!` and a letter for the number of an error.
(import "wasi:filesystem/preopens@0.2.12" "get-directories" (func $folders (param i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.open-at"
  (func $open (param i32 i32 i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.read-via-stream" (func $reader (param i32 i64 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.write-via-stream" (func $writer (param i32 i64 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.append-via-stream" (func $appender (param i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.read" (func $read-at (param i32 i64 i64 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.write" (func $write-at (param i32 i32 i32 i64 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.set-size" (func $resize (param i32 i64 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.sync" (func $sync (param i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.stat" (func $stat (param i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.read-directory" (func $list (param i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]directory-entry-stream.read-directory-entry"
  (func $next-entry (param i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.create-directory-at"
  (func $make-folder (param i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.remove-directory-at"
  (func $remove-folder (param i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.unlink-file-at"
  (func $remove-file (param i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.symlink-at"
  (func $symlink (param i32 i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.link-at"
  (func $link (param i32 i32 i32 i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.rename-at"
  (func $rename (param i32 i32 i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.stat-at"
  (func $stat-at (param i32 i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "[method]descriptor.readlink-at" (func $readlink (param i32 i32 i32 i32)))
(import "wasi:filesystem/types@0.2.12" "filesystem-error-code" (func $why (param i32 i32)))
(import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
(import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
  (func $write (param i32 i32 i32 i32)))
(memory (export "memory") 4)
(global $next (mut i32) (i32.const 4096))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
  (global.set $next (i32.add (local.get $at) (local.get 3)))
  (local.get $at))
(data (i32.const 512) "ok") (data (i32.const 520) "closed") (data (i32.const 528) "moved")
(data (i32.const 536) "hello") (data (i32.const 544) "none") (data (i32.const 560) "!")

;; A text as what the function gives.
(func $say (param i32 i32) (result i32)
  (i32.store (i32.const 16) (local.get 0)) (i32.store (i32.const 20) (local.get 1)) (i32.const 16))
(func $ok (result i32) (call $say (i32.const 512) (i32.const 2)))
(func $fail (param i32) (result i32)
  (i32.store8 (i32.const 561) (i32.add (local.get 0) (i32.const 65)))
  (call $say (i32.const 560) (i32.const 2)))
;; The outcome of a function that answers nothing, at 64.
(func $done (result i32)
  (if (i32.load8_u (i32.const 64)) (then (return (call $fail (i32.load8_u (i32.const 65))))))
  (call $ok))
;; The failure of a stream, at 68.
(func $broken (result i32)
  (if (i32.load8_u (i32.const 68)) (then (return (call $say (i32.const 520) (i32.const 6)))))
  (call $why (i32.load (i32.const 72)) (i32.const 80))
  (call $fail (i32.load8_u (i32.const 81))))
;; The handle of a granted folder, or -1.
(func $folder (param i32) (result i32)
  (call $folders (i32.const 32))
  (if (i32.ge_u (local.get 0) (i32.load (i32.const 36))) (then (return (i32.const -1))))
  (i32.load (i32.add (i32.load (i32.const 32)) (i32.mul (local.get 0) (i32.const 12)))))

(func $beneath (param $at i32) (param $path i32) (param $length i32) (param $links i32) (param $what i32) (result i32)
  (if (i32.eq (local.get $what) (i32.const 20)) (then
    (call $make-folder (local.get $at) (local.get $path) (local.get $length) (i32.const 64)) (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 21)) (then
    (call $remove-folder (local.get $at) (local.get $path) (local.get $length) (i32.const 64)) (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 22)) (then
    (call $remove-file (local.get $at) (local.get $path) (local.get $length) (i32.const 64)) (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 23)) (then
    (call $symlink (local.get $at) (local.get $path) (local.get $length) (i32.const 528) (i32.const 5) (i32.const 64))
    (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 24)) (then
    (call $link (local.get $at) (i32.const 0) (local.get $path) (local.get $length)
      (local.get $at) (i32.const 528) (i32.const 5) (i32.const 64))
    (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 25)) (then
    (call $rename (local.get $at) (local.get $path) (local.get $length)
      (call $folder (i32.const 0)) (i32.const 528) (i32.const 5) (i32.const 64))
    (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 26)) (then
    (call $stat-at (local.get $at) (local.get $links) (local.get $path) (local.get $length) (i32.const 128))
    (if (i32.load8_u (i32.const 128)) (then (return (call $fail (i32.load8_u (i32.const 136))))))
    (i32.store8 (i32.const 600) (i32.add (i32.load8_u (i32.const 136)) (i32.const 48)))
    (i32.store8 (i32.const 601) (i32.add (i32.load8_u (i32.const 152)) (i32.const 48)))
    (return (call $say (i32.const 600) (i32.const 2)))))
  (if (i32.eq (local.get $what) (i32.const 27)) (then
    (call $readlink (local.get $at) (local.get $path) (local.get $length) (i32.const 64))
    (return (call $fail (i32.load8_u (i32.const 68))))))
  (unreachable))

(func (export "act") (param $pre i32) (param $path i32) (param $length i32) (param $links i32)
    (param $how i32) (param $flags i32) (param $what i32) (result i32) (local $at i32) (local $file i32)
  (local.set $at (call $folder (local.get $pre)))
  (if (i32.eq (local.get $at) (i32.const -1)) (then (return (call $say (i32.const 544) (i32.const 4)))))
  (if (i32.eq (local.get $what) (i32.const 19)) (then
    (local.set $at (i32.add (i32.load (i32.const 32)) (i32.mul (local.get $pre) (i32.const 12))))
    (return (call $say (i32.load offset=4 (local.get $at)) (i32.load offset=8 (local.get $at))))))
  (if (i32.ge_u (local.get $what) (i32.const 20)) (then
    (return (call $beneath (local.get $at) (local.get $path) (local.get $length) (local.get $links) (local.get $what)))))
  (call $open (local.get $at) (local.get $links) (local.get $path) (local.get $length)
    (local.get $how) (local.get $flags) (i32.const 48))
  (if (i32.load8_u (i32.const 48)) (then (return (call $fail (i32.load8_u (i32.const 52))))))
  (local.set $file (i32.load (i32.const 52)))
  (if (i32.eq (local.get $what) (i32.const 1)) (then
    (call $reader (local.get $file) (i64.const 0) (i32.const 48))
    (if (i32.load8_u (i32.const 48)) (then (return (call $fail (i32.load8_u (i32.const 52))))))
    (call $read (i32.load (i32.const 52)) (i64.const 100) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (call $broken))))
    (return (call $say (i32.load (i32.const 68)) (i32.load (i32.const 72))))))
  (if (i32.eq (local.get $what) (i32.const 2)) (then (call $writer (local.get $file) (i64.const 1) (i32.const 48))))
  (if (i32.eq (local.get $what) (i32.const 3)) (then (call $appender (local.get $file) (i32.const 48))))
  (if (i32.eq (i32.and (local.get $what) (i32.const -2)) (i32.const 2)) (then
    (if (i32.load8_u (i32.const 48)) (then (return (call $fail (i32.load8_u (i32.const 52))))))
    (call $write (i32.load (i32.const 52)) (i32.const 536) (i32.const 5) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (call $broken))))))
  (if (i32.eq (local.get $what) (i32.const 4)) (then
    (call $read-at (local.get $file) (i64.const 4) (i64.const 2) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (call $fail (i32.load8_u (i32.const 68))))))
    (return (call $say (i32.load (i32.const 68)) (i32.load (i32.const 72))))))
  (if (i32.eq (local.get $what) (i32.const 5)) (then
    (call $write-at (local.get $file) (i32.const 536) (i32.const 5) (i64.const 3) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (call $fail (i32.load8_u (i32.const 72))))))
    (call $sync (local.get $file) (i32.const 64)) (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 6)) (then
    (call $resize (local.get $file) (i64.const 4) (i32.const 64)) (return (call $done))))
  (if (i32.eq (local.get $what) (i32.const 7)) (then
    (call $list (local.get $file) (i32.const 64))
    (if (i32.load8_u (i32.const 64)) (then (return (call $fail (i32.load8_u (i32.const 68))))))
    (call $next-entry (i32.load (i32.const 68)) (i32.const 80))
    (if (i32.load8_u (i32.const 80)) (then (return (call $fail (i32.load8_u (i32.const 84))))))
    (return (call $say (i32.load (i32.const 92)) (i32.load (i32.const 96))))))
  (call $ok))

;; Without end: handles of folders, and one file that is read again and again.
(func (export "hoard") (loop (drop (call $folder (i32.const 0))) (br 0)))
(func (export "reread") (param $path i32) (param $length i32) (local $at i32)
  (local.set $at (call $folder (i32.const 0)))
  (call $open (local.get $at) (i32.const 1) (local.get $path) (local.get $length) (i32.const 0) (i32.const 1)
    (i32.const 48))
  (call $reader (i32.load (i32.const 52)) (i64.const 0) (i32.const 48))
  (loop
    (call $read (i32.load (i32.const 52)) (i64.const -1) (i32.const 64))
    (global.set $next (i32.const 4096))
    (br_if 0 (i32.eqz (i32.load8_u (i32.const 64))))))
