"""The modules that a program can import. Modules are read when the component is built; there is no file to read one from later.

Those that compute are here. Those that need files, processes, sockets or threads are not, because there are none.
"""

# ruff: noqa: F401
import abc
import array
import ast
import base64
import binascii
import bisect
import calendar
import cmath
import codecs
import collections
import collections.abc
import colorsys
import contextlib
import copy
import csv
import dataclasses
import datetime
import decimal
import difflib
import enum
import fractions
import functools
import graphlib
import hashlib
import heapq
import hmac
import html
import html.parser
import inspect
import io
import itertools
import json
import keyword
import math
import numbers
import operator
import pprint
import random
import re
import secrets
import statistics
import string
import struct
import textwrap
import time
import traceback
import types
import typing
import unicodedata
import urllib.parse
import uuid
import warnings
import weakref
import xml.etree.ElementTree
import zlib
