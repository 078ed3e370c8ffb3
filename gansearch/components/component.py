"""Base of all components: a validated, frozen pydantic model with domains in its annotations."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gansearch.domains import Domain
from gansearch.errors import ComponentError, DomainError


class Component(BaseModel):
    """Base of everything that a study can name in `use:` and that a search can vary.

    Raises:
        DomainError: when a class is defined whose domain holds a value that its field refuses.
        ComponentError: when a class is defined without a class variable that its role requires, or
            with a wrong value of it.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    role: ClassVar[str]
    # Stays 1 for ever: a plugin that declares nothing was written for the first version.
    api_version: ClassVar[int] = 1

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, domain in cls.domains().items():
            try:
                check_domain(cls, name, domain)
            except DomainError as error:
                raise DomainError(f"{cls.__name__}.{name}: {error}") from None
        _check_class_variables(cls)

    @classmethod
    def domains(cls) -> dict[str, Domain]:
        """Return the domains in the annotations of the fields, which `search: true` tries."""
        return {
            name: entry
            for name, field in cls.model_fields.items()
            for entry in field.metadata
            if isinstance(entry, Domain)
        }

    @classmethod
    def summary(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]


def check_field(component: type[Component], name: str, value: object) -> Any:
    """Validate the value of one field by itself and return it as the field stores it.

    Raises:
        ValidationError: when the field refuses the value.
    """
    field = component.model_fields[name]
    constraints = [entry for entry in field.metadata if not isinstance(entry, Domain)]
    annotation: Any = Annotated[field.annotation, Field(), *constraints]
    return TypeAdapter(annotation, config=ConfigDict(allow_inf_nan=False)).validate_python(value)


def check_domain(component: type[Component], name: str, domain: Domain) -> None:
    """Check that a field accepts every value of a domain.

    Raises:
        DomainError: with the rule and the value that breaks it.
    """
    for value in domain.extremes():
        try:
            check_field(component, name, value)
        except ValidationError as error:
            rule = error.errors()[0]["msg"]
            raise DomainError(
                f"the domain {domain} holds {value!r}, which the field refuses: {rule}"
            ) from None


def is_whole(component: type[Component], name: str) -> bool:
    """Return True for a field that takes whole numbers only."""
    for value in (0.5, 1.5, 2.5):
        try:
            check_field(component, name, value)
        except ValidationError as error:
            if any(problem["type"] in ("int_from_float", "int_type") for problem in error.errors()):
                return True
    return False


def _check_class_variables(component: type[Component]) -> None:
    """Check that a class that can be instantiated has the class variables of its role.

    Raises:
        ComponentError: naming class and variable.
    """
    bases = [base for base in component.__mro__ if issubclass(base, Component)]
    role = next((base for base in bases if "role" in vars(base)), None)
    if role is None or role is component or inspect.isabstract(component):
        return
    for name, annotation in inspect.get_annotations(role, eval_str=True).items():
        if name not in role.__class_vars__:
            continue
        place, kind = f"{component.__name__}.{name}", get_args(annotation)[0]
        if not hasattr(component, name):
            wanted = str(kind).replace("typing.", "")
            raise ComponentError(f"{place} is missing; set this class variable to a {wanted}")
        try:
            TypeAdapter(kind).validate_python(getattr(component, name))
        except ValidationError as error:
            rule = error.errors()[0]["msg"]
            raise ComponentError(f"{place} is {getattr(component, name)!r}: {rule}") from None
