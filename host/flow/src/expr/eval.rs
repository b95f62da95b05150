//! AST → value, within budgets.

use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::ast::{Ast, Each, Node, Op};
use super::{Expr, MAX_OUTPUT, MAX_STEPS, Names, functions};
use crate::error::{ErrorCode, NodeError};
use crate::value::{Fields, Value};

/// Failure in the middle: the sentence, and the place in the expression when it is known.
pub(super) type Evaluated<T = Value> = Result<T, NodeError>;

/// One evaluation with what it has used up. A prose spends one budget over all its expressions.
pub(super) struct Evaluation<'n> {
    names: &'n dyn Names,
    locals: Vec<(Arc<str>, Value)>,
    steps: u64,
    output: u64,
}

pub(super) fn invalid(message: impl Into<String>) -> NodeError {
    NodeError::new(ErrorCode::InvalidInput, message)
}

impl<'n> Evaluation<'n> {
    /// Evaluates with a budget of its own. A defect in here is a failure of the node that asked: a panic would end
    /// whoever drives the run, and would do so again each time the run is resumed.
    pub(super) fn alone<T>(
        names: &'n dyn Names,
        work: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        let mut evaluation = Self { names, locals: Vec::new(), steps: 0, output: 0 };
        // Nothing half done is seen afterwards: names are only read, and the evaluation ends here.
        let work = AssertUnwindSafe(|| work(&mut evaluation));
        catch_unwind(work).unwrap_or_else(|panic| {
            let text = (panic.downcast_ref::<&str>().copied())
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            let message = format!("the evaluation of an expression panicked: {text}");
            Err(NodeError::new(ErrorCode::Bug, message)
                .with_help("report it with the journal of this run; other nodes and runs go on"))
        })
    }

    pub(super) fn run(&mut self, expr: &Expr) -> Evaluated {
        self.node(&expr.root).map_err(|mut error| {
            error.message = format!("{} in `${{{}}}`", error.message, shorten(&expr.source));
            error
        })
    }

    /// Runs `body` with one more name.
    pub(super) fn with<T>(
        &mut self,
        name: &Arc<str>,
        value: Value,
        body: impl FnOnce(&mut Self) -> Evaluated<T>,
    ) -> Evaluated<T> {
        self.locals.push((name.clone(), value));
        let result = body(self);
        self.locals.pop();
        result
    }

    pub(super) fn step(&mut self, steps: usize) -> Evaluated<()> {
        self.steps = self.steps.saturating_add(steps as u64);
        if self.steps > MAX_STEPS {
            let message = format!("the evaluation takes more than {MAX_STEPS} steps");
            return Err(NodeError::limit("expression_steps", message));
        }
        Ok(())
    }

    /// Counts bytes before they are made.
    pub(super) fn make(&mut self, bytes: usize) -> Evaluated<()> {
        self.output = self.output.saturating_add(bytes as u64);
        if self.output > MAX_OUTPUT {
            let message = format!("the evaluation makes more than {MAX_OUTPUT} bytes");
            return Err(NodeError::limit("expression_output", message));
        }
        self.step(bytes / 64)
    }

    /// Counts the reading of a text as a key: hashing costs more than comparing.
    fn look_up(&mut self, key: &str) -> Evaluated<()> {
        self.step(key.len() / 16)
    }

    fn name(&self, name: &str) -> Option<Value> {
        let local = self.locals.iter().rev().find(|(local, _)| **local == *name);
        local.map(|(_, value)| value.clone()).or_else(|| self.names.get(name))
    }

    fn node(&mut self, node: &Node) -> Evaluated {
        self.step(1)?;
        match &node.ast {
            Ast::Literal(value) => Ok(value.clone()),
            Ast::Name(name) => self.name(name).ok_or_else(|| {
                invalid(format!("`{name}` has no value"))
                    .with_help(format!("ask first: `has({name})`"))
            }),
            Ast::Select(of, field) => select(&self.node(of)?, field),
            Ast::Index(of, index) => {
                let of = self.node(of)?;
                let index = self.node(index)?;
                if let Value::String(key) = &index {
                    self.look_up(key)?;
                }
                element(&of, &index)
            }
            Ast::Not(of) => Ok((!self.truth(of)?).into()),
            Ast::Negate(of) => match self.node(of)? {
                Value::Int(n) => {
                    n.checked_neg().map(Value::Int).ok_or_else(|| invalid("`-` overflows"))
                }
                Value::Float(x) => Ok(Value::Float(-x)),
                other => Err(invalid(format!("`-` needs a number, found {}", other.shape()))),
            },
            Ast::Binary(op, left, right) => self.binary(*op, left, right),
            Ast::Choose(parts) => {
                let [condition, then, otherwise] = &**parts;
                let chosen = if self.truth(condition)? { then } else { otherwise };
                self.node(chosen)
            }
            Ast::List(items) => {
                self.make(16 * items.len())?;
                let items: Vec<Value> =
                    items.iter().map(|i| self.node(i)).collect::<Result<_, _>>()?;
                Ok(items.into())
            }
            Ast::Record(entries) => {
                self.make(32 * entries.len())?;
                let mut fields = Fields::new();
                for (key, value) in entries {
                    let key = match self.node(key)? {
                        Value::String(key) => key,
                        other => {
                            return Err(invalid(format!(
                                "a key must be text, found {}",
                                other.shape()
                            )));
                        }
                    };
                    self.look_up(&key)?;
                    let value = self.node(value)?;
                    fields.insert(key, value);
                }
                Ok(fields.into())
            }
            Ast::Has(of) => Ok(self.has(of)?.into()),
            Ast::Call(function, args) => {
                let args: Vec<Value> =
                    args.iter().map(|arg| self.node(arg)).collect::<Result<_, _>>()?;
                (function.call)(self, &args)
            }
            Ast::Each(each, over, variable, body) => self.each(*each, over, variable, body),
        }
    }

    fn truth(&mut self, node: &Node) -> Evaluated<bool> {
        let value = self.node(node)?;
        value
            .as_bool()
            .ok_or_else(|| invalid(format!("expected true or false, found {}", value.shape())))
    }

    /// Whether a name or field is there and not `null`.
    fn has(&mut self, node: &Node) -> Evaluated<bool> {
        Ok(self.lookup(node)?.is_some_and(|value| !value.is_null()))
    }

    fn lookup(&mut self, node: &Node) -> Evaluated<Option<Value>> {
        self.step(1)?;
        Ok(match &node.ast {
            Ast::Name(name) => self.name(name),
            Ast::Select(of, field) => self.lookup(of)?.and_then(|of| of.get(field).cloned()),
            _ => Some(self.node(node)?),
        })
    }

    fn each(&mut self, each: Each, over: &Node, variable: &Arc<str>, body: &Node) -> Evaluated {
        let over = self.node(over)?;
        let items: Arc<Vec<Value>> = match over {
            Value::List(items) => items,
            Value::Map(fields) => {
                self.make(16 * fields.len())?;
                Arc::new(fields.keys().map(|key| Value::String(key.clone())).collect())
            }
            other => {
                return Err(invalid(format!(
                    "expected a list or a record, found {}",
                    other.shape()
                )));
            }
        };
        let mut matching = 0_usize;
        let mut made = Vec::new();
        for item in items.iter() {
            self.step(1)?;
            if each == Each::Map {
                let value = self.with(variable, item.clone(), |this| this.node(body))?;
                self.make(16)?;
                made.push(value);
                continue;
            }
            let holds = self.with(variable, item.clone(), |this| this.truth(body))?;
            match each {
                Each::All if !holds => return Ok(false.into()),
                Each::Exists if holds => return Ok(true.into()),
                Each::Filter if holds => {
                    self.make(16)?;
                    made.push(item.clone());
                }
                _ => {}
            }
            matching += usize::from(holds);
        }
        Ok(match each {
            Each::All => true.into(),
            Each::Exists => false.into(),
            Each::ExistsOne => (matching == 1).into(),
            Each::Map | Each::Filter => made.into(),
        })
    }

    fn binary(&mut self, op: Op, left: &Node, right: &Node) -> Evaluated {
        if let Op::And | Op::Or = op {
            let decided = op == Op::Or;
            // As in CEL, a side that decides the result hides a failure of the other.
            return Ok(match self.truth(left) {
                Ok(value) if value == decided => decided,
                Ok(_) => self.truth(right)?,
                Err(error) if error.code == ErrorCode::InvalidInput => match self.truth(right) {
                    Ok(value) if value == decided => decided,
                    _ => return Err(error),
                },
                Err(error) => return Err(error),
            }
            .into());
        }
        let (a, b) = (self.node(left)?, self.node(right)?);
        match op {
            Op::Eq => Ok(self.equal(&a, &b)?.into()),
            Op::Ne => Ok((!self.equal(&a, &b)?).into()),
            Op::Lt => Ok(self.compare(&a, &b)?.is_lt().into()),
            Op::Le => Ok(self.compare(&a, &b)?.is_le().into()),
            Op::Gt => Ok(self.compare(&a, &b)?.is_gt().into()),
            Op::Ge => Ok(self.compare(&a, &b)?.is_ge().into()),
            Op::In => Ok(self.contains(&b, &a)?.into()),
            _ => self.arithmetic(op, &a, &b),
        }
    }

    /// Whether a list holds the value, or a record the field.
    pub(super) fn contains(&mut self, container: &Value, value: &Value) -> Evaluated<bool> {
        match (container, value) {
            (Value::Map(fields), Value::String(key)) => {
                self.look_up(key)?;
                Ok(fields.contains_key(&**key))
            }
            (Value::List(items), _) => {
                for item in items.iter() {
                    if self.equal(item, value)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (other, _) => {
                Err(invalid(format!("`in` needs a list or a record, found {}", other.shape())))
            }
        }
    }

    /// Order of numbers, texts and truth values, with the texts counted.
    pub(super) fn compare(&mut self, a: &Value, b: &Value) -> Evaluated<Ordering> {
        if let (Value::String(a), Value::String(b)) = (a, b) {
            self.step(a.len().min(b.len()) / 64)?;
        }
        compare(a, b)
    }

    /// Equality by content: numbers by their mathematical value.
    pub(super) fn equal(&mut self, a: &Value, b: &Value) -> Evaluated<bool> {
        self.step(1)?;
        Ok(match (a, b) {
            (Value::List(a), Value::List(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::Map(a), Value::Map(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (key, a) in a.iter() {
                    self.look_up(key)?;
                    let Some(b) = b.get(key) else { return Ok(false) };
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Value::String(a), Value::String(b)) => {
                self.step(a.len().min(b.len()) / 64)?;
                a == b
            }
            (Value::Int(_), Value::Float(_)) | (Value::Float(_), Value::Int(_)) => {
                compare(a, b)?.is_eq()
            }
            (a, b) => a == b,
        })
    }

    fn arithmetic(&mut self, op: Op, a: &Value, b: &Value) -> Evaluated {
        match (a, b) {
            (Value::Int(a), Value::Int(b)) => {
                let result = match op {
                    Op::Add => a.checked_add(*b),
                    Op::Sub => a.checked_sub(*b),
                    Op::Mul => a.checked_mul(*b),
                    Op::Div | Op::Rem if *b == 0 => return Err(invalid("division by zero")),
                    Op::Div => a.checked_div(*b),
                    _ => a.checked_rem(*b),
                };
                result
                    .map(Value::Int)
                    .ok_or_else(|| invalid(format!("`{}` overflows 64 bits", op.text())))
            }
            (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) if op != Op::Rem => {
                let (a, b) = (functions::as_float(a)?, functions::as_float(b)?);
                float(match op {
                    Op::Add => a + b,
                    Op::Sub => a - b,
                    Op::Mul => a * b,
                    _ => a / b,
                })
            }
            (Value::String(a), Value::String(b)) if op == Op::Add => {
                self.make(a.len() + b.len())?;
                Ok(format!("{a}{b}").into())
            }
            (Value::List(a), Value::List(b)) if op == Op::Add => {
                self.make(16 * (a.len() + b.len()))?;
                Ok(Value::list(a.iter().chain(b.iter()).cloned()))
            }
            (a, b) => Err(invalid(format!(
                "`{}` is not defined for {} and {}",
                op.text(),
                a.shape(),
                b.shape()
            ))),
        }
    }
}

pub(super) fn float(x: f64) -> Evaluated {
    if x.is_finite() { Ok(Value::Float(x)) } else { Err(invalid("the result is no finite number")) }
}

fn select(of: &Value, field: &str) -> Evaluated {
    match of {
        Value::Map(fields) => (fields.get(field).cloned()).ok_or_else(|| {
            invalid(format!("there is no field `{field}`")).with_help("ask first: `has(…)`")
        }),
        other => Err(invalid(format!("`.{field}` needs a record, found {}", other.shape()))),
    }
}

fn element(of: &Value, index: &Value) -> Evaluated {
    match (of, index) {
        (Value::List(items), Value::Int(n)) => (usize::try_from(*n).ok())
            .and_then(|n| items.get(n).cloned())
            .ok_or_else(|| invalid(format!("index {n} is outside of a list of {}", items.len()))),
        (Value::Map(_), Value::String(key)) => select(of, key),
        (of, index) => {
            Err(invalid(format!("`[…]` is not defined for {} of {}", index.shape(), of.shape())))
        }
    }
}

/// Order of numbers, texts and truth values.
pub(super) fn compare(a: &Value, b: &Value) -> Evaluated<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Ok(a.cmp(b)),
        (Value::String(a), Value::String(b)) => Ok(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Ok(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => {
            Ok(a.partial_cmp(b).expect("floats of values are finite"))
        }
        (Value::Int(a), Value::Float(b)) => Ok(int_float(*a, *b)),
        (Value::Float(a), Value::Int(b)) => Ok(int_float(*b, *a).reverse()),
        (a, b) => Err(invalid(format!("{} and {} have no order", a.shape(), b.shape()))),
    }
}

/// Exact also beyond 2^53, where an integer has no float of its own.
fn int_float(a: i64, b: f64) -> Ordering {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if b >= TWO_63 {
        Ordering::Less
    } else if b < -TWO_63 {
        Ordering::Greater
    } else {
        let whole = b.trunc();
        a.cmp(&(whole as i64)).then(0.0_f64.partial_cmp(&(b - whole)).expect("finite"))
    }
}

fn shorten(source: &str) -> String {
    /// Characters of an expression that a message shows.
    const SHOWN: usize = 80;
    if source.chars().count() <= SHOWN {
        return source.to_owned();
    }
    format!("{}…", source.chars().take(SHOWN).collect::<String>())
}
