from typing import Annotated

import pytest
from pydantic import Field

from gansearch.components import Detector, Generator, Loss, SampleMetric
from gansearch.domains import Choices, IntRange
from gansearch.errors import ComponentError, DomainError


def test_a_domain_that_its_field_refuses_is_found_when_the_class_is_defined():
    with pytest.raises(
        DomainError,
        match=r"Narrow.width: .* holds 0, which the field refuses: .*greater than or equal to 1",
    ):

        class Narrow(Generator):
            width: Annotated[int, Field(ge=1), IntRange(0, 8)] = 4


def test_a_choice_that_its_field_refuses_is_found_when_the_class_is_defined():
    with pytest.raises(DomainError, match=r"Odd.kernel: .* holds 'wide'"):

        class Odd(Generator):
            kernel: Annotated[int, Choices(3, "wide")] = 3


def test_an_inherited_domain_is_replaced_with_its_field():
    class Parent(Generator):
        width: Annotated[int, IntRange(1, 8)] = 4

    class Child(Parent):
        width: int = 4

    assert "width" in Parent.domains()
    assert "width" not in Child.domains()


def test_a_metric_without_a_direction_is_refused_when_the_class_is_defined():
    with pytest.raises(
        ComponentError, match=r"Sharpness.direction is missing; .*Literal\['minimize', 'maximize'\]"
    ):

        class Sharpness(SampleMetric):
            def measure(self, evidence):
                return 1.0


def test_a_metric_with_an_unknown_direction_is_refused_when_the_class_is_defined():
    with pytest.raises(ComponentError, match=r"Sharpness.direction is 'up': .*'minimize'"):

        class Sharpness(SampleMetric):
            direction = "up"

            def measure(self, evidence):
                return 1.0


def test_a_detector_that_names_no_columns_is_refused_when_the_class_is_defined():
    with pytest.raises(ComponentError, match=r"Blind.reads is missing"):

        class Blind(Detector):
            def watch(self):
                raise NotImplementedError


def test_an_abstract_base_of_several_metrics_needs_no_direction():
    class Base(SampleMetric):
        pass

    assert not hasattr(Base, "direction")


def test_a_class_without_the_methods_of_its_role_is_abstract():
    class Half(Loss):
        def of_real(self, scores):
            return scores.mean()

    with pytest.raises(TypeError, match="of_fake"):
        Half()


def test_the_docstring_under_a_field_is_its_description():
    class Described(Generator):
        width: int = 4
        """Channels."""

    assert Described.model_fields["width"].description == "Channels."
