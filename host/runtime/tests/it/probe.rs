//! The worker of the tests. Without an argument it is one like any other; with one it is a worker that somebody took
//! over: it does what no worker may do, once it is confined and before its first call.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise")]

#[cfg(not(target_os = "linux"))]
fn main() {}

#[cfg(target_os = "linux")]
fn main() {
    let act = std::env::args().nth(1).unwrap_or_default();
    match act.as_str() {
        "parent" => linux::parent(),
        "mute" => std::thread::sleep(linux::LONG),
        act => {
            let _ended = cleargate_runtime::worker::work_after(|| linux::act(act));
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io::Write;
    use std::net::{TcpStream, UdpSocket};
    use std::os::unix::net::UnixDatagram;
    use std::process::{Command, abort};
    use std::sync::Arc;
    use std::time::Duration;

    use cleargate_runtime::Runtime;
    use cleargate_runtime::worker::{Workers, WorkersConfig};

    /// Longer than any test.
    pub(super) const LONG: Duration = Duration::from_secs(600);

    /// What is done; whatever comes back from the system is a hole in the ring.
    pub(super) fn act(act: &str) {
        match act {
            "" => {}
            "open" => drop(File::open("/proc/self/status")),
            "stat" => drop(std::fs::metadata("/etc/passwd")),
            "create" => drop(File::create("/tmp/cleargate-escaped")),
            "remove" => drop(std::fs::remove_file("/tmp/cleargate-escaped")),
            "connect" => drop(TcpStream::connect("127.0.0.1:9")),
            "udp" => drop(UdpSocket::bind("127.0.0.1:0")),
            "unix" => drop(UnixDatagram::unbound()),
            "program" => drop(Command::new("/bin/true").status()),
            "thread" => drop(std::thread::Builder::new().spawn(|| {})),
            "kill" => {
                let parent = rustix::process::getppid().unwrap();
                let _hole = rustix::process::kill_process(parent, rustix::process::Signal::CONT);
            }
            "limits" => {
                let none = rustix::process::Rlimit { current: None, maximum: None };
                let _hole = rustix::process::setrlimit(rustix::process::Resource::Core, none);
            }
            "code" => executable(),
            "abort" => abort(),
            "memory" => hoard(),
            // The filter is there and holds nothing against an honest end.
            "exit" => return,
            "nonsense" => say(&[0, 0, 0, 4, 255, 255, 255, 255]),
            "longer" => say(&[0, 0, 0, 3, 4, 0, 0]),
            "endless" => say(&[255; 4]),
            "cut" => say(&[0, 0, 1, 0, 7]),
            "silent" => std::thread::sleep(LONG),
            other => panic!("no act `{other}`"),
        }
        if act == "cut" {
            abort();
        }
    }

    /// Asks for memory that can be executed.
    fn executable() {
        #[expect(unsafe_code, reason = "what is asked for is never touched")]
        unsafe {
            let (protection, flags) =
                (libc::PROT_READ | libc::PROT_EXEC, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(std::ptr::null_mut(), 4096, protection, flags, -1, 0);
        }
    }

    /// Takes memory until there is none.
    fn hoard() {
        let mut taken: Vec<Vec<u8>> = Vec::new();
        loop {
            taken.push(vec![1; 64 << 20]);
        }
    }

    /// Writes to the parent past everything.
    fn say(bytes: &[u8]) {
        let stdin = std::io::stdin();
        rustix::io::write(&stdin, bytes).unwrap();
    }

    /// A parent with a worker that does not listen and one that does: says their process ids, and waits.
    pub(super) fn parent() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let program = std::env::current_exe().unwrap();
            let config = WorkersConfig::new(program, vec!["silent".into()]);
            let workers = Workers::open(config).await.unwrap();
            let text = r#"(component
                (core module $m (func (export "f")))
                (core instance $i (instantiate $m))
                (func $f (canon lift (core func $i "f")))
                (instance $node (export "describe" (func $f)) (export "run" (func $f)))
                (export "cleargate:node/node@0.1.0" (instance $node)))"#;
            let bytes: Arc<[u8]> = wat::parse_str(text).unwrap().into();
            let runtime = Runtime::new(Default::default()).unwrap().at(Arc::new(workers.clone()));
            let plugin = runtime.load(bytes, &Default::default()).await.unwrap();
            let tell = async {
                while workers.processes().len() < 2 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let pids = workers.processes().into_iter().map(|(pid, _)| pid.to_string());
                println!("{}", pids.collect::<Vec<_>>().join(" "));
                std::io::stdout().flush().unwrap();
                tokio::time::sleep(LONG).await;
            };
            let _never = tokio::join!(plugin.describe(), tell);
        });
    }
}
