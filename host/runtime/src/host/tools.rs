//! `cleargate:host/tools`: tools of other plugins, those that were granted.

use wasmtime::component::Linker;

use super::{Context, ask, given, length, reply};
use crate::bindings::wire;
use crate::fault::Fault;
use crate::instance::Call;
use crate::world::ToolView;

pub(crate) fn link(linker: &mut Linker<Call>, name: &str) -> wasmtime::Result<()> {
    let mut tools = linker.instance(name)?;
    tools.func_wrap("list", |mut store: Context<'_>, (): ()| {
        let views = ask(&mut store, 0)?.tools();
        reply(&store, Ok(views), |views: &Vec<ToolView>| views.iter().map(view).sum())
    })?;
    tools.func_wrap_async(
        "call",
        |mut store: Context<'_>, (name, arguments): (String, wire::Value)| {
            Box::new(async move {
                let world = ask(&mut store, name.len() + length(&arguments))?;
                count(store.data_mut())?;
                let answer = match given(arguments) {
                    Ok(arguments) => world.call_tool(name, arguments).await,
                    Err(error) => Err(error),
                };
                let answer = answer.map(|value| wire::Value::Json(value.to_json()));
                reply(&store, answer, length)
            })
        },
    )
}

/// Counts a call before anybody hears of it.
fn count(call: &mut Call) -> Result<(), Fault> {
    call.meter.tool_calls += 1;
    let most = call.limits.tool_calls.value;
    if call.meter.tool_calls > most {
        return Err(Fault::limit("tool_calls", format!("more than {most} calls of tools")));
    }
    Ok(())
}

fn view(tool: &ToolView) -> usize {
    tool.name.len() + tool.description.len() + tool.input.len()
}
