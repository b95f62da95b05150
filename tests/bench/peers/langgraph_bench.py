"""Runs graphs of trivial nodes with LangGraph: reads `SHAPE NODES` lines, answers microseconds for each node."""

import os
import sqlite3
import sys
import tempfile
import time
from operator import add
from typing import Annotated, TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph


class One(TypedDict):
    v: int


class Many(TypedDict):
    all: Annotated[list, add]


def chain(nodes, saver=None):
    graph = StateGraph(One)
    before = START
    for at in range(nodes):
        graph.add_node(f"n{at}", lambda state: {"v": state["v"] + 1})
        graph.add_edge(before, f"n{at}")
        before = f"n{at}"
    graph.add_edge(before, END)
    return graph.compile(checkpointer=saver), {"v": 0}


def fan(nodes, saver=None):
    graph = StateGraph(Many)
    graph.add_node("join", lambda state: {"all": [len(state["all"])]})
    for at in range(nodes - 1):
        graph.add_node(f"n{at}", lambda state, at=at: {"all": [at]})
        graph.add_edge(START, f"n{at}")
    graph.add_edge([f"n{at}" for at in range(nodes - 1)], "join")
    graph.add_edge("join", END)
    return graph.compile(checkpointer=saver), {"all": []}


def loop(nodes, saver=None):
    graph = StateGraph(One)
    graph.add_node("step", lambda state: {"v": state["v"] + 1})
    graph.add_edge(START, "step")
    graph.add_conditional_edges("step", lambda state: "step" if state["v"] < nodes else END)
    return graph.compile(checkpointer=saver), {"v": 0}


def saver(folder):
    """The checkpointer as its documentation sets it up: WAL, and SQLite's own default of a sync for each commit."""
    return SqliteSaver(sqlite3.connect(os.path.join(folder, "checkpoints.db"), check_same_thread=False))


def main():
    folder = tempfile.mkdtemp()
    shapes = {"chain": chain, "fan": fan, "loop": loop}
    made = {}
    runs = 0
    for line in sys.stdin:
        name, nodes = line.split()[0], int(line.split()[1])
        if name not in made:
            durable = name.startswith("durable-")
            shape = shapes[name.removeprefix("durable-")]
            made[name] = shape(nodes, saver(folder) if durable else None)
        graph, state = made[name]
        runs += 1
        config = {"recursion_limit": 10 * nodes, "configurable": {"thread_id": str(runs)}}
        began = time.perf_counter_ns()
        graph.invoke(state, config)
        print((time.perf_counter_ns() - began) / 1000 / nodes, flush=True)


main()
