//! `file.read`: the bytes of one file below a granted folder, through the file door.

use async_trait::async_trait;
use cleargate_executor::{Failure, Node, NodeContext, Output};
use cleargate_flow::signature::{Effect, Signature};
use cleargate_flow::{NodeError, Value};
use cleargate_gate::{Bytes, FileAction, FileOp, Request, Response};
use serde::Deserialize;

/// Reads a file. Output: `{ path, text, bytes, size }`; `text` for UTF-8, `bytes` (base64) for anything else.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileRead;

#[derive(Deserialize)]
struct Input {
    path: String,
}

impl FileRead {
    /// What flows write after `type:`.
    pub const NAME: &str = "file.read";

    /// What the checker knows.
    pub fn signature() -> Signature {
        let summary = "Reads a file that the operator granted.";
        let output = "record{path: string, text: opt<string>, bytes: opt<bytes>, size: int}";
        let path = crate::field("path", "string", "Relative to the flow's folder, or absolute.");
        Signature {
            input: [path].into_iter().collect(),
            ..crate::signature(summary, Effect::Read, output)
        }
    }
}

async fn read(ctx: &NodeContext, path: String) -> Result<Value, NodeError> {
    // `./a` and `a` are one file; grants know it as `a`.
    let name = path.strip_prefix("./").unwrap_or(&path).to_owned();
    let op = FileOp { path: name, action: FileAction::Read };
    let Response::Bytes(Bytes(bytes)) = ctx.pass.perform(Request::File(op)).await? else {
        return Err(crate::foreign_answer(FileRead::NAME));
    };
    let size = i64::try_from(bytes.len()).expect("a file in memory is shorter than 2^63 bytes");
    let (text, bytes) = text_or_base64(bytes);
    let fields = [("path", path.into()), ("text", text), ("bytes", bytes), ("size", size.into())];
    Ok(Value::record(fields))
}

/// Bytes as text and `null`, or as `null` and base64 when they are not UTF-8.
pub(crate) fn text_or_base64(bytes: Vec<u8>) -> (Value, Value) {
    match String::from_utf8(bytes) {
        Ok(text) => (text.into(), Value::Null),
        Err(error) => {
            let base64 = Value::of(&Bytes(error.into_bytes()));
            (Value::Null, base64.expect("base64 is text"))
        }
    }
}

#[async_trait]
impl Node for FileRead {
    async fn run(&self, ctx: NodeContext, input: Value) -> Result<Output, Failure> {
        let Input { path } = crate::read(Self::NAME, &input)?;
        let result = read(&ctx, path).await;
        crate::measured(&ctx, result)
    }
}

#[cfg(test)]
mod tests {
    use cleargate_flow::error::ErrorCode;

    use super::*;
    use crate::fixture::World;

    async fn read(world: &World, path: &str) -> Result<Output, Failure> {
        FileRead.run(world.context(), Value::record([("path", path.into())])).await
    }

    #[tokio::test]
    async fn text_is_text_and_anything_else_is_base64() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        std::fs::write(folder.path().join("in/a.txt"), "é").unwrap();
        std::fs::write(folder.path().join("in/b.bin"), [0xff, 0x00]).unwrap();
        let world =
            World { folder: Some(folder.path().into()), ..World::granting(r#"{"files":["in/"]}"#) };
        for (path, expected) in [
            ("in/a.txt", r#"{"path":"in/a.txt","text":"é","bytes":null,"size":2}"#),
            ("./in/a.txt", r#"{"path":"./in/a.txt","text":"é","bytes":null,"size":2}"#),
            ("in/b.bin", r#"{"path":"in/b.bin","text":null,"bytes":"/wA=","size":2}"#),
        ] {
            let output = read(&world, path).await.unwrap();
            assert_eq!(output.value.to_json(), expected);
            assert_eq!(output.usage.host_calls, 1);
        }
    }

    #[tokio::test]
    async fn refusals_and_missing_files_are_failures() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        let world =
            World { folder: Some(folder.path().into()), ..World::granting(r#"{"files":["in/"]}"#) };
        for (path, code) in [
            ("secret", ErrorCode::Denied),
            ("in/../secret", ErrorCode::InvalidInput),
            ("/etc/passwd", ErrorCode::Denied),
            ("in/gone", ErrorCode::Permanent),
        ] {
            let failure = read(&world, path).await.unwrap_err();
            assert_eq!(failure.error.code, code, "{path}: {}", failure.error);
            assert_eq!(failure.usage.host_calls, 1);
        }
        let failure = FileRead.run(world.context(), Value::empty()).await.unwrap_err();
        assert_eq!(failure.error.code, ErrorCode::InvalidInput);
        assert!(failure.error.message.contains("path"), "{}", failure.error);
    }
}
