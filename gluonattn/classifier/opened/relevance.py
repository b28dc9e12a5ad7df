"""AttnLRP's rules as modified derivatives: input times derivative is then the relevance. The model stays unchanged.

Achtibat et al., AttnLRP: Attention-Aware Layer-Wise Relevance Propagation for Transformers, ICML 2024. Their rules are
derivatives of functions with the same values. They apply to what torch computes inside `follow_rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from ...errors import OptionError

_SMALL = 1e-10  # keeps quotients finite
CURE = "take attention-gradient, integrated-gradients or leave-one-out."


@contextmanager
def follow_rules(model: Any) -> Iterator[None]:
    """Make derivatives of a torch model follow AttnLRP's rules if its forward pass runs inside the ``with`` block.

    Parameters
    ----------
    model : torch.nn.Module
        Its outputs stay the same. The hooks are removed again, also after an exception.

    Raises
    ------
    OptionError
        If it computes attention in one fused step (torch.nn.MultiheadAttention).
    """
    with ExitStack() as undo:
        for module in model.modules():
            if type(module).__module__ == "transformers.activations":  # some rules consist of several functions
                undo.callback(module.register_forward_hook(_whole_activation).remove)
        undo.enter_context(_rules())
        yield


def keep_share(values: Any, output: Any) -> Any:
    """The identity rule for an elementwise function: return `output`, and pass its relevance on to `values` unchanged.

    Parameters
    ----------
    values, output : torch.Tensor
        Tensors of one shape.
    """
    share = (output / (values + _SMALL)).detach()
    return output.detach() + (values - values.detach()) * share


def divide(values: Any, parts: int) -> Any:
    """The uniform rule for a factor of a product: the same values, which get an equal part of the relevance.

    Parameters
    ----------
    values : torch.Tensor
    parts : int
    """
    return values.detach() + (values - values.detach()) / parts


def normalise(values: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5, *_: Any) -> Any:
    """Layer normalisation with the standard deviation treated as a constant (the identity rule).

    Parameters
    ----------
    values : torch.Tensor
    shape : sequence of int
        Shape of the last axes, which are normalised.
    weight, bias : torch.Tensor or None
    eps : float, default 1e-5
    """
    axes = tuple(range(-len(shape), 0))
    centred = values - values.mean(axes, keepdim=True)
    normal = centred / ((centred**2).mean(axes, keepdim=True) + eps).sqrt().detach()
    normal = normal if weight is None else normal * weight
    return normal if bias is None else normal + bias


def _whole_activation(module: Any, args: tuple[Any, ...], output: Any) -> Any:
    return keep_share(args[0], output)


def _rules() -> Any:
    """The rules for torch's own functions, as a torch function mode."""
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    def activation(func: Callable[..., Any], values: Any, *args: Any, **kwargs: Any) -> Any:
        return keep_share(values, func(values, *args, **{**kwargs, "inplace": False} if "inplace" in kwargs else kwargs))

    def product(func: Callable[..., Any], one: Any, other: Any, *args: Any, **kwargs: Any) -> Any:
        if _computed(torch, one) and _computed(torch, other):
            one, other = divide(one, 2), divide(other, 2)
        return func(one, other, *args, **kwargs)

    def attention(func: Callable[..., Any], query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        return func(divide(query, 4), divide(key, 4), divide(value, 2), *args, **kwargs)  # two nested products

    def normalisation(func: Callable[..., Any], values: Any, shape: Any, *args: Any, **kwargs: Any) -> Any:
        return normalise(values, shape, *args, **{k: v for k, v in kwargs.items() if k != "cudnn_enable"})

    def constant(func: Callable[..., Any], values: Any) -> Any:
        return func(values).detach()  # the reciprocal root mean square of RMSNorm

    def refuse(func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        raise OptionError("attnlrp cannot follow torch.nn.MultiheadAttention, which multiplies queries, keys and values in "
                          f"one step: {CURE}")

    known: dict[Any, Callable[..., Any]] = {functional.multi_head_attention_forward: refuse, torch.rsqrt: constant,
                                  functional.scaled_dot_product_attention: attention,
                                  functional.layer_norm: normalisation, torch.layer_norm: normalisation}
    known.update(dict.fromkeys((functional.gelu, functional.relu, functional.silu, functional.mish, functional.elu,
                                functional.tanh, torch.tanh, torch.Tensor.tanh, torch.relu, torch.Tensor.relu), activation))
    known.update(dict.fromkeys((torch.matmul, torch.Tensor.matmul, torch.Tensor.__matmul__, torch.bmm, torch.Tensor.bmm,
                                torch.mul, torch.Tensor.mul, torch.Tensor.__mul__, torch.Tensor.__rmul__), product))

    class Rules(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: tuple[Any, ...] = (),
                               kwargs: dict[str, Any] | None = None) -> Any:
            rule = known.get(func)
            return func(*args, **(kwargs or {})) if rule is None else rule(func, *args, **(kwargs or {}))

    return Rules()


def _computed(torch: Any, values: Any) -> bool:
    """Whether values depend on the text, unlike a parameter or a constant."""
    return isinstance(values, torch.Tensor) and values.requires_grad and not values.is_leaf
