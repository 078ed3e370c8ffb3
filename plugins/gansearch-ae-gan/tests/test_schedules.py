from gansearch_ae_gan.schedules import FourPhases, Pretraining


def due(schedule, step):
    return [
        (p.trains[0], p.objective, p.share)
        for p in schedule.phases(steps_per_epoch=10)
        if p.due(step)
    ]


def test_the_four_phases_come_in_the_order_of_the_proposal():
    assert due(FourPhases(), 7) == [
        ("d", "discriminate_real", 0.5),
        ("g", "reconstruct", 0.5),
        ("d", "discriminate_fake", 0.5),
        ("g", "generate", 1.0),
    ]


def test_the_discriminator_waits_until_the_autoencoder_is_trained():
    schedule = Pretraining(pretraining=3)
    assert [due(schedule, step) for step in (0, 2)] == [[("g", "reconstruct", 1.0)]] * 2
    assert due(schedule, 3) == [("d", "discriminate", 1.0), ("g", "generate", 1.0)]
